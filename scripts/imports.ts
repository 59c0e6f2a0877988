/**
 * The rule of docs/architecture.md on who may import whom, read from its table, so that the document cannot go stale.
 * Besides: only ffi/ imports bun:ffi, only cli prints, and ffi/fs.ts is for all, as node:fs is.
 */
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Glob } from "bun";

const ROOT = resolve(import.meta.dir, "..");

export interface Violation {
  file: string;
  line: number;
  message: string;
}

/** Folder → the folders whose files it may import, from the rows `| \`src/NAME/\` | … | NAME, NAME |` of the table. */
export function readRules(markdown: string): Map<string, ReadonlySet<string>> {
  const rules = new Map<string, ReadonlySet<string>>();
  for (const [, folder, allowed] of markdown.matchAll(/^\| `(?:src\/)?([\w/]+)\/` \|[^|]*\| ([^|]*) \|$/gm)) {
    if (!folder || allowed === undefined) continue;
    rules.set(folder, new Set([folder, ...namesIn(allowed, [...rules.keys()])]));
  }
  for (const [folder, names] of rules)
    for (const name of names)
      if (!rules.has(name)) throw new Error(`docs/architecture.md lets ${folder} import "${name}", which is no folder`);
  return rules;
}

function namesIn(cell: string, above: readonly string[]): readonly string[] {
  if (cell.startsWith("nothing")) return [];
  if (cell.startsWith("everything below")) return above;
  return cell.split(",").map((name) => name.trim().replaceAll("`", ""));
}

/** `src/cli/x.ts` → cli, `src/cli/runtime/x.ts` → cli/runtime (it alone may reach the runtime), `ffi/x.ts` → ffi, `src/main.ts` → main; undefined for what is not part of the program. */
export function folderOf(path: string): string | undefined {
  const [first, second] = path.split("/");
  if (first === "ffi") return "ffi";
  if (first !== "src") return undefined;
  if (path.startsWith("src/cli/runtime/")) return "cli/runtime";
  return second?.replace(/\.ts$/, "");
}

const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g;
const PRINTS = /\bconsole\.\w+\(|\bprocess\.(?:stdout|stderr)\b|\bBun\.(?:stdout|stderr)\b/;
/** Loads another library to compare with; no other test has a reason to. */
const ORACLE = "test/runtime/seccomp/libseccomp.ts";
const COMMENT = /^\s*(?:\/\/|\/?\*)/;

/** What is wrong in one file; `path` is relative to the checkout. */
export function check(path: string, source: string, rules: ReadonlyMap<string, ReadonlySet<string>>): Violation[] {
  const found: Violation[] = [];
  const folder = folderOf(path);
  source.split("\n").forEach((text, index) => {
    if (COMMENT.test(text)) return;
    const say = (message: string) => found.push({ file: path, line: index + 1, message });
    for (const [, specifier = ""] of text.matchAll(SPECIFIER)) {
      if (specifier === "bun:ffi" && folder !== "ffi" && path !== ORACLE) say("only ffi/ may import bun:ffi");
      if (!specifier.startsWith(".") || folder === undefined) continue;
      const file = relative(ROOT, resolve(ROOT, path, "..", specifier));
      if (file === "ffi/fs.ts") continue; // in place of node:fs, which is everybody's
      const target = folderOf(file);
      if (target === undefined) {
        // src/version.ts and the like: what the build defines; package.json: the version.
        if (/^(?:\.\.\/)+(?:test|scripts|bench)\//.test(specifier)) say(`the program may not import ${specifier}`);
        continue;
      }
      const allowed = rules.get(folder) ?? rules.get("cli");
      if (rules.has(target) && !allowed?.has(target) && !(folder === "main" && target === "cli"))
        say(`${folder} may not import ${target} (allowed: ${[...(allowed ?? [])].join(", ")})`);
    }
    if (folder !== undefined && !folder.startsWith("cli") && folder !== "main" && PRINTS.test(text)) say("only cli prints");
  });
  return found;
}

export function checkAll(): Violation[] {
  const rules = readRules(readFileSync(join(ROOT, "docs/architecture.md"), "utf8"));
  const files = [...new Glob("{src,ffi,scripts,test,bench}/**/*.ts").scanSync(ROOT), "build.ts"].sort();
  const isOwnTest = (path: string) => path === "test/scripts/imports.test.ts";
  return files
    .filter((path) => !isOwnTest(path))
    .flatMap((path) => {
      const file = Bun.file(join(ROOT, path));
      return file.size === 0 ? [] : check(path, readFileSync(join(ROOT, path), "utf8"), rules);
    });
}

if (import.meta.main) {
  const violations = checkAll();
  for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`);
  process.exit(violations.length === 0 ? 0 : 1);
}
