/** Which paths `cp` means: Docker's cases of sources and destinations. */
import { expect, test } from "bun:test";
import { absolute, type Destination, planCopy, splitArgument, splitEntry } from "../../../../src/engine/containers/copy/paths.ts";

test("a container's path has a colon, and begins neither with a slash nor with a dot", () => {
  expect(splitArgument("c:/etc")).toEqual({ container: "c", path: "/etc" });
  expect(splitArgument("c:a:b")).toEqual({ container: "c", path: "a:b" });
  for (const path of ["/a:b", "./a:b", "../a:b", ".a:b", "a", "-"]) expect(splitArgument(path)).toEqual({ container: undefined, path });
});

test("what stands at the end of a path and means something is kept", () => {
  const cases: [path: string, expected: string][] = [
    ["a", "/here/a"],
    ["a/", "/here/a/"],
    ["a/.", "/here/a/."],
    ["a/..", "/here"],
    [".", "/here/."],
    ["/", "/"],
    ["/.", "/."],
    ["/a//b/../c", "/a/c"],
  ];
  for (const [path, expected] of cases) expect([path, absolute(path, "/here")]).toEqual([path, expected]);
});

test("a path is taken apart at its last part", () => {
  const cases: [path: string, folder: string, base: string][] = [
    ["/a/b", "/a", "b"],
    ["/a/b/", "/a", "b"],
    ["/a/b/.", "/a/b", "."],
    ["/a", "/", "a"],
    ["/", "/", "/"],
  ];
  for (const [path, folder, base] of cases) expect([path, splitEntry(path)]).toEqual([path, { folder, base }]);
});

const file = { base: "f", isFolder: false };
const folder = { base: "d", isFolder: true };
const inside = { base: ".", isFolder: true };
const to = (path: string, kind: "file" | "folder" | "nothing"): Destination => ({
  path,
  exists: kind !== "nothing",
  isFolder: kind === "folder",
});

test("Docker's table of cases", () => {
  const cases: [source: typeof file, destination: Destination, expected: [folder: string, base: string] | string][] = [
    [file, to("/x", "nothing"), ["/", "x"]],
    [file, to("/x/", "nothing"), "no such directory"],
    [file, to("/x/.", "nothing"), "no such directory"],
    [file, to("/x", "file"), ["/", "x"]],
    [file, to("/x", "folder"), ["/x", "f"]],
    [folder, to("/x", "nothing"), ["/", "x"]],
    [folder, to("/x/", "nothing"), ["/", "x"]],
    [folder, to("/x", "file"), "cannot copy directory"],
    [folder, to("/x", "folder"), ["/x", "d"]],
    [inside, to("/x", "folder"), ["/x", "."]],
    [inside, to("/x", "nothing"), ["/", "x"]],
    [{ base: "/", isFolder: true }, to("/x", "folder"), ["/x", "."]],
  ];
  for (const [source, destination, expected] of cases) {
    if (typeof expected === "string") expect(() => planCopy(source, destination)).toThrow(expected);
    else expect(planCopy(source, destination)).toEqual({ folder: expected[0], base: expected[1] });
  }
});
