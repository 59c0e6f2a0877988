import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { O_DIRECTORY, O_RDONLY, open } from "../../ffi/fd.ts";
import { fillFolder, finishFilling } from "../../src/storage/fill.ts";
import { listing, scratch } from "./scratch.ts";

interface Volume extends Disposable {
  /** The volume's own folder, and its data. */
  readonly path: string;
  readonly data: string;
  /** Fills it from a folder with the mode 0710, `a/inner` and `b`. */
  fill(): void;
}

function volume(): Volume {
  const folder = scratch();
  const [path, source] = [join(folder.path, "volume"), join(folder.path, "source")];
  const data = join(path, "_data");
  for (const made of [path, data, source, join(source, "a")]) mkdirSync(made);
  for (const name of ["a/inner", "b"]) writeFileSync(join(source, name), `of the source: ${name}`);
  chmodSync(source, 0o710);
  return {
    path,
    data,
    fill() {
      using from = open(source, O_RDONLY | O_DIRECTORY);
      fillFolder(data, from);
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const FILLED = ["d _data", "d _data/a", "f _data/a/inner", "f _data/b"];

test("an empty folder gets the files and the look of the source", () => {
  using scope = volume();
  scope.fill();
  expect(listing(scope.path)).toEqual(FILLED);
  expect(statSync(scope.data).mode & 0o7777).toBe(0o710);
});

test("what somebody put there keeps everything out", () => {
  using scope = volume();
  writeFileSync(join(scope.data, "own"), "x");
  scope.fill();
  expect(listing(scope.path)).toEqual(["d _data", "f _data/own"]);
});

test("a copy that was cut off counts for nothing", () => {
  using scope = volume();
  mkdirSync(join(scope.path, "filling/a"), { recursive: true });
  writeFileSync(join(scope.path, "filling/half"), "x");
  finishFilling(scope.data);
  expect(listing(scope.data)).toEqual([]);
  scope.fill();
  expect(listing(scope.path)).toEqual(FILLED);
});

test("a whole copy that was not yet put in its place is, by whoever comes next, over nobody's files", () => {
  using scope = volume();
  mkdirSync(join(scope.path, "filled/a"), { recursive: true, mode: 0o700 });
  for (const name of ["filled/a/inner", "filled/b", "_data/b", "_data/moved"]) writeFileSync(join(scope.path, name), name);
  chmodSync(join(scope.path, "filled"), 0o711);
  finishFilling(scope.data);
  expect(listing(scope.path)).toEqual([...FILLED, "f _data/moved"]);
  expect(readFileSync(join(scope.data, "b"), "utf8")).toBe("_data/b");
  expect(statSync(scope.data).mode & 0o7777).toBe(0o711);
});
