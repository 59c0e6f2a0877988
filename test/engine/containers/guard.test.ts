/** The lock of a container that is being made, while a sweep takes its folder away. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guardContainer, guardNewContainer } from "../../../src/engine/containers/guard.ts";
import type { Store } from "../../../src/state/store.ts";

test("a lock whose file was removed meanwhile is taken anew", async () => {
  const run = mkdtempSync(join(tmpdir(), "hoy-guard-"));
  const id = "0123456789abcdef";
  const file = join(run, "containers", id.slice(0, 12), "lock");
  const store = { run } as Store;
  const sweeper = guardContainer(store, id);
  const guard = join(import.meta.dir, "../../../src/engine/containers/guard.ts");
  const script = `const { guardNewContainer } = await import(${JSON.stringify(guard)});
    console.log("waiting"); guardNewContainer({ run: ${JSON.stringify(run)} }, ${JSON.stringify(id)}); console.log("held"); await Bun.stdin.text();`;
  const maker = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  const output = maker.stdout.getReader();
  await output.read();
  await Bun.sleep(100); // until it waits in flock(2)
  rmSync(join(run, "containers"), { recursive: true });
  sweeper.close();
  await output.read();
  expect(existsSync(file)).toBe(true);
  maker.stdin.end();
  await maker.exited;
  using again = guardNewContainer(store, id);
  expect(again.number).toBeGreaterThan(0);
  rmSync(run, { recursive: true });
});
