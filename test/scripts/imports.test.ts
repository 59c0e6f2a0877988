import { describe, expect, test } from "bun:test";
import { check, folderOf, readRules } from "../../scripts/imports.ts";

const table = `
| folder | is | may import |
|---|---|---|
| \`ffi/\` | libc | nothing of \`src/\` |
| \`src/spec/\` | schemas | nothing |
| \`src/state/\` | database | spec, ffi |
| \`src/registry/\` | pull | state, spec |
| \`src/engine/\` | operations | everything below |
| \`src/cli/\` | commands | engine, spec |
`;
const rules = readRules(table);
const messages = (path: string, source: string) => check(path, source, rules).map(({ line, message }) => `${line}: ${message}`);

describe("the table", () => {
  test("is read with its two words for all and none", () => {
    expect([...(rules.get("ffi") ?? [])]).toEqual(["ffi"]);
    expect([...(rules.get("state") ?? [])]).toEqual(["state", "spec", "ffi"]);
    expect([...(rules.get("engine") ?? [])]).toEqual(["engine", "ffi", "spec", "state", "registry"]);
  });
  test("may not name a folder that is not in it", () => {
    expect(() => readRules("| `src/state/` | database | spek |\n")).toThrow('"spek", which is no folder');
  });
  test("of docs/architecture.md has all folders", async () => {
    const real = readRules(await Bun.file(`${import.meta.dir}/../../docs/architecture.md`).text());
    expect([...real.keys()].sort()).toEqual(
      ["cli", "cli/runtime", "engine", "ffi", "network", "registry", "runtime", "spec", "state", "storage"].sort(),
    );
  });
});

describe("an import", () => {
  test("downwards is fine, upwards is not", () => {
    expect(messages("src/state/store.ts", 'import { x } from "../spec/error.ts";')).toEqual([]);
    expect(messages("src/spec/error.ts", '\nimport { x } from "../state/store.ts";')).toEqual([
      "2: spec may not import state (allowed: spec)",
    ]);
  });
  test("of a type, over several lines, or lazy, counts too", () => {
    expect(messages("src/cli/ps.ts", 'import type { S } from "../state/store.ts";')).toHaveLength(1);
    expect(messages("src/cli/ps.ts", 'import {\n  a,\n} from "../state/store.ts";')).toEqual([
      "3: cli may not import state (allowed: cli, engine, spec)",
    ]);
    expect(messages("src/cli/ps.ts", 'const s = await import("../../ffi/libc.ts");')).toHaveLength(1);
    expect(messages("src/cli/container/ps.ts", 'export * from "../../registry/pull.ts";')).toHaveLength(1);
  });
  test("of bun:ffi is for ffi/", () => {
    expect(messages("ffi/libc.ts", 'import { dlopen } from "bun:ffi";')).toEqual([]);
    expect(messages("src/state/lock.ts", 'import { dlopen } from "bun:ffi";')).toEqual(["1: only ffi/ may import bun:ffi"]);
    expect(messages("test/state/lock.test.ts", 'import { dlopen } from "bun:ffi";')).toEqual(["1: only ffi/ may import bun:ffi"]);
  });
  test("of a test from the program is refused", () => {
    expect(messages("src/state/store.ts", 'import { x } from "../../test/harness/hoy.ts";')).toHaveLength(1);
  });
  test("by main reaches the commands", () => {
    expect(messages("src/main.ts", 'import("./cli/ps.ts")')).toEqual([]);
  });
});

describe("printing", () => {
  test("is for cli", () => {
    expect(messages("src/engine/ps.ts", "console.log(1);")).toEqual(["1: only cli prints"]);
    expect(messages("src/engine/ps.ts", "process.stdout.write(text);")).toEqual(["1: only cli prints"]);
    expect(messages("src/cli/ps.ts", "console.log(1);")).toEqual([]);
  });
  test("in a comment is none", () => {
    expect(messages("src/engine/ps.ts", "// console.log(1) would print")).toEqual([]);
    expect(messages("src/engine/ps.ts", " * console.log(1) would print")).toEqual([]);
  });
});

test("folders of paths", () => {
  expect(folderOf("src/cli/container/run.ts")).toBe("cli");
  expect(folderOf("src/cli/runtime/run.ts")).toBe("cli/runtime");
  expect(folderOf("src/main.ts")).toBe("main");
  expect(folderOf("ffi/libc.ts")).toBe("ffi");
  expect(folderOf("test/x.ts")).toBeUndefined();
});
