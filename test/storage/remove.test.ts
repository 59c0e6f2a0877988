import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "../../src/storage/remove.ts";
import { requires } from "../harness/requires.ts";
import { scratch } from "./scratch.ts";

test("removes files, folders and links, but not what links point to", () => {
  using dir = scratch();
  mkdirSync(join(dir.path, "t/a/b"), { recursive: true });
  writeFileSync(join(dir.path, "kept"), "kept");
  writeFileSync(join(dir.path, "t/a/f"), "x");
  symlinkSync(dir.path, join(dir.path, "t/a/b/up"));
  symlinkSync(join(dir.path, "kept"), join(dir.path, "t/link"));
  removeTree(join(dir.path, "t"));
  expect(existsSync(join(dir.path, "t"))).toBe(false);
  expect(readFileSync(join(dir.path, "kept"), "utf8")).toBe("kept");
});

test("a link itself is removed, nothing behind it; what is missing is no error", () => {
  using dir = scratch();
  mkdirSync(join(dir.path, "folder/inner"), { recursive: true });
  symlinkSync("folder", join(dir.path, "link"));
  removeTree(join(dir.path, "link"));
  removeTree(join(dir.path, "missing"));
  removeTree(join(dir.path, "missing/deeper"));
  expect(existsSync(join(dir.path, "folder/inner"))).toBe(true);
  expect(existsSync(join(dir.path, "link"))).toBe(false);
});

test("a tree that is deeper than any path may be long", () => {
  using dir = scratch();
  const name = "n".repeat(100);
  mkdirSync(join(dir.path, "t"));
  let made = mkdtempSync(join(dir.path, "m-"));
  for (let level = 0; level < 300; level++) {
    const outer = mkdtempSync(join(dir.path, "m-"));
    renameSync(made, join(outer, name));
    made = outer;
  }
  renameSync(made, join(dir.path, "t/deep"));
  writeFileSync(join(dir.path, "t/file"), "x");
  removeTree(join(dir.path, "t"));
  expect(existsSync(join(dir.path, "t"))).toBe(false);
});

test("several remove the same tree at once", async () => {
  using dir = scratch();
  const module = join(import.meta.dir, "../../src/storage/remove.ts");
  const script = `
    const { removeTree } = await import(${JSON.stringify(module)});
    await Bun.stdin.text();
    removeTree("t");`;
  for (let round = 0; round < 3; round++) {
    for (let folder = 0; folder < 60; folder++) {
      mkdirSync(join(dir.path, `t/${folder % 8}/${folder}/inner`), { recursive: true });
      for (let file = 0; file < 20; file++) writeFileSync(join(dir.path, `t/${folder % 8}/${folder}/inner/${file}`), "");
    }
    const removers = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, "-e", script], { cwd: dir.path, stdin: "pipe", stderr: "pipe" }),
    );
    await Bun.sleep(150);
    for (const remover of removers) remover.stdin.end();
    for (const remover of removers) expect([await remover.exited, await remover.stderr.text()]).toEqual([0, ""]);
    expect(existsSync(join(dir.path, "t"))).toBe(false);
  }
});

requires(
  "root",
  "open-checkout",
  "setpriv",
)("a user's folders without rights are removed", () => {
  using dir = scratch();
  mkdirSync(join(dir.path, "home/t/a/b"), { recursive: true });
  writeFileSync(join(dir.path, "home/t/a/b/f"), "x");
  Bun.spawnSync(["chown", "-R", "65534:65534", join(dir.path, "home")]);
  chmodSync(join(dir.path, "home/t/a/b"), 0o000);
  chmodSync(join(dir.path, "home/t/a"), 0o555);
  const script = `import { removeTree } from ${JSON.stringify(join(import.meta.dir, "../../src/storage/remove.ts"))}; removeTree(process.argv[1]);`;
  const { stderr } = Bun.spawnSync([
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    process.execPath,
    "-e",
    script,
    join(dir.path, "home/t"),
  ]);
  expect(stderr.toString()).toBe("");
  expect(existsSync(join(dir.path, "home/t"))).toBe(false);
});
