import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const STATIC = /^(?:import|export)\s(?!type\b)[^;]*?from\s+"([^"]+)";|^import "([^"]+)";/gm;
/** Of Node's modules these take 2 to 6 ms each to load. */
const SLOW = new Set(["node:fs", "node:net", "node:crypto", "node:tty", "node:stream", "node:child_process", "consola"]);

/** Slow modules that are loaded with a file, as `importer -> module`. */
function slowImports(entry: string): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from = "", alone = ""] of readFileSync(file, "utf8").matchAll(STATIC)) {
      const specifier = from || alone;
      if (SLOW.has(specifier)) found.push(`${relative(ROOT, file)} -> ${specifier}`);
      if (specifier.startsWith(".") && specifier.endsWith(".ts")) visit(resolve(file, "..", specifier));
    }
  };
  visit(join(ROOT, entry));
  expect(seen.size).toBeGreaterThan(3);
  return found;
}

test.each([
  "src/main.ts",
  "src/cli/dispatch.ts",
  "src/cli/table/container.ts",
  ...["create", "exec", "kill", "ls", "rm", "run", "start", "stop", "wait"].map((name) => `src/cli/container/${name}.ts`),
])("%s loads nothing slow at import time", (entry) => {
  if (entry === "src/main.ts") expect(readFileSync(join(ROOT, entry), "utf8")).not.toMatch(/from "node:/);
  else expect(slowImports(entry)).toEqual([]);
});
