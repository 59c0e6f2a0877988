import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fd, O_DIRECTORY, open } from "../../ffi/fd.ts";
import { readInRoot } from "../../src/runtime/inroot.ts";

let folder: string;
let root: Fd;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hoy-inroot-"));
  mkdirSync(join(folder, "root/etc"), { recursive: true });
  root = open(join(folder, "root"), O_DIRECTORY);
});

afterEach(() => {
  root.close();
  rmSync(folder, { recursive: true });
});

const read = (path: string, limit = 100): string | undefined => readInRoot(root.number, path, limit)?.toString();

test("a file, and its links, below the root", () => {
  writeFileSync(join(folder, "root/etc/passwd.real"), "inside");
  writeFileSync(join(folder, "etc-passwd"), "outside");
  symlinkSync("/etc/passwd.real", join(folder, "root/etc/passwd"));
  symlinkSync("../../../etc-passwd", join(folder, "root/etc/group"));
  symlinkSync(join(folder, "etc-passwd"), join(folder, "root/etc/absolute"));
  expect(read("etc/passwd")).toBe("inside");
  expect(read("/etc/passwd")).toBe("inside");
  expect(read("etc/group")).toBeUndefined();
  expect(read("etc/absolute")).toBeUndefined();
});

test("nothing there", () => {
  expect(read("etc/passwd")).toBeUndefined();
  expect(read("usr/etc/passwd")).toBeUndefined();
  writeFileSync(join(folder, "root/file"), "");
  expect(read("file/passwd")).toBeUndefined();
  expect(read("file")).toBe("");
});

test("what is no file is refused without being opened", async () => {
  expect(Bun.spawnSync(["mkfifo", join(folder, "root/etc/passwd")]).exitCode).toBe(0);
  expect(() => read("etc/passwd")).toThrow("etc/passwd in the container's root is not a regular file");
  expect(() => read("etc")).toThrow("etc in the container's root is not a regular file");
  const server = createServer().listen(join(folder, "root/etc/socket"));
  await new Promise((resolve) => server.once("listening", resolve));
  expect(() => read("etc/socket")).toThrow("is not a regular file");
  await new Promise((resolve) => server.close(resolve));
});

test("what is too large is refused", () => {
  writeFileSync(join(folder, "root/etc/passwd"), "x".repeat(101));
  expect(() => read("etc/passwd")).toThrow("etc/passwd in the container's root is too large: 101 bytes, at most 100");
  expect(read("etc/passwd", 101)).toHaveLength(101);
});

test("a loop of links", () => {
  symlinkSync("b", join(folder, "root/a"));
  symlinkSync("a", join(folder, "root/b"));
  expect(() => read("a")).toThrow("open a in the container's root: too many levels of symbolic links");
});
