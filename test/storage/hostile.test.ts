/** Layers from strangers: whatever is in them, nothing outside of the layer's folder is made, changed or removed. */
import { describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { SysError } from "../../ffi/errno.ts";
import { listXattrs } from "../../ffi/xattr.ts";
import { HoyError } from "../../src/spec/error.ts";
import { requires } from "../harness/requires.ts";
import type { TarEntry } from "../harness/tar.ts";
import { listing, type Scratch, scratch, unpackInto } from "./scratch.ts";

interface Host extends Scratch {
  /** What lies beside the layer's folder, with contents, modes and times. */
  state(): string[];
}

/** A folder with a layer's folder to be, and files beside it that must stay as they are. */
function host(): Host {
  const dir = scratch();
  mkdirSync(join(dir.path, "outside/folder"), { recursive: true });
  writeFileSync(join(dir.path, "outside/secret"), "secret", { mode: 0o600 });
  writeFileSync(join(dir.path, "outside/folder/file"), "kept");
  const state = (): string[] =>
    ["outside", "outside/secret", "outside/folder", "outside/folder/file"]
      .map((name) => {
        const path = join(dir.path, name);
        const { mode, uid, mtimeMs, nlink } = statSync(path);
        return `${name} ${mode} ${uid} ${mtimeMs} ${nlink} ${statSync(path).isFile() ? readFileSync(path, "utf8") : readdirSync(path)}`;
      })
      .concat(readdirSync(dir.path).filter((name) => name !== "layer"));
  return { ...dir, state, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

/** Unpacks and says what was thrown; the host must be as before. */
async function attempt(entries: (base: string) => readonly TarEntry[]): Promise<{ error: Error | undefined; files: string[] }> {
  using dir = host();
  const before = dir.state();
  let error: Error | undefined;
  try {
    await unpackInto(dir.path, "layer", entries(dir.path));
  } catch (thrown) {
    error = thrown as Error;
  }
  expect(dir.state()).toEqual(before);
  if (error) {
    expect(error instanceof HoyError || error instanceof SysError).toBe(true);
    expect(error.message).not.toContain("\n");
  }
  return { error, files: listing(join(dir.path, "layer")) };
}

describe("layer-path: names that lead out", () => {
  const inside: [string, (base: string) => TarEntry[], string[]][] = [
    ["..", () => [{ name: "../../outside/secret", data: "evil" }], ["d outside", "f outside/secret"]],
    ["absolute", () => [{ name: "/etc/evil", data: "evil" }], ["d etc", "f etc/evil"]],
    ["a .. in the middle", () => [{ name: "a/../../b", data: "evil" }], ["f b"]],
  ];
  for (const [title, entries, files] of inside) {
    test(title, async () => {
      const { error, files: found } = await attempt(entries);
      expect(error).toBeUndefined();
      expect(found).toEqual(files);
    });
  }

  test("the root itself replaced by a file or a link", async () => {
    for (const entry of [
      { name: "/", type: "0" as const, data: "" },
      { name: ".", type: "2" as const, link: "/" },
      { name: "a/..", type: "1" as const, link: "x" },
    ]) {
      const { error } = await attempt(() => [entry.name === "/" ? { ...entry, name: "./." } : entry]);
      expect(error?.message).toContain("would replace the root folder");
    }
  });
});

describe("CVE-2014-6407, CVE-2014-9356: links as parents", () => {
  const out = (base: string, name: string): string => join(base, "outside", name);

  test("a file below a symbolic link to an absolute path stays inside", async () => {
    const { error, files } = await attempt((base) => [
      { name: "l", type: "2", link: join(base, "outside") },
      { name: "l/secret", data: "evil" },
    ]);
    expect(error).toBeUndefined();
    // As in a root file system, the link's target is looked up below the layer's root.
    expect(files.filter((file) => file.endsWith("secret")).length).toBe(1);
    expect(files[files.length - 1]).toStartWith("f ");
  });

  test("a link with many .. , a chain of links, a link below a link", async () => {
    await attempt(() => [
      { name: "l", type: "2", link: "../../../outside" },
      { name: "l/secret", data: "evil" },
    ]);
    await attempt(() => [
      { name: "a", type: "2", link: "b/../../outside" },
      { name: "b", type: "2", link: ".." },
      { name: "a/secret", data: "evil" },
      { name: "b/b/b/outside/secret", data: "evil" },
    ]);
    await attempt((base) => [
      { name: "d/" },
      { name: "d/l", type: "2", link: base },
      { name: "d/l/outside/secret", data: "evil" },
      { name: "d/l/outside/folder", type: "2", link: "x" },
    ]);
  });

  test("a folder that is known already is exchanged for a link", async () => {
    const { error } = await attempt((base) => [
      { name: "d/", mode: 0o755 },
      { name: "d/f", data: "x" },
      { name: "d", type: "2", link: join(base, "outside") },
      { name: "d/secret", data: "evil" },
      { name: "d/", mode: 0o777, mtime: 1 },
    ]);
    expect(error).toBeUndefined();
  });

  test("a file, a whiteout, a device and a folder at the name of a link to the outside", async () => {
    await attempt((base) => [
      { name: "l", type: "2", link: out(base, "secret") },
      { name: "l", data: "evil" },
    ]);
    await attempt((base) => [
      { name: "l", type: "2", link: out(base, "secret") },
      { name: "l", type: "6" },
    ]);
    await attempt((base) => [
      { name: "l", type: "2", link: out(base, "folder") },
      { name: "l/", mode: 0o777, uid: 99 },
    ]);
    await attempt((base) => [{ name: "l", type: "2", link: out(base, "folder") }, { name: "l/.wh.file" }, { name: "l/.wh..wh..opq" }]);
  });

  test("a hard link to the outside, straight or through a link, is refused or stays inside", async () => {
    for (const target of ["../outside/secret", "/outside/secret"]) {
      const { error } = await attempt(() => [
        { name: "h", type: "1", link: target },
        { name: "h", type: "0", data: "evil" },
      ]);
      expect(error?.message ?? "").not.toContain("secret\nevil");
    }
    const through = await attempt((base) => [
      { name: "l", type: "2", link: join(base, "outside") },
      { name: "h", type: "1", link: "l/secret" },
    ]);
    expect(through.error?.message).toContain("which is in no layer");
  });

  test("a hard link to a symbolic link links the link, and a write through it does not follow", async () => {
    const { error, files } = await attempt((base) => [
      { name: "l", type: "2", link: out(base, "secret") },
      { name: "h", type: "1", link: "l" },
      { name: "h", type: "0", data: "evil" },
    ]);
    expect(error).toBeUndefined();
    expect(files).toEqual(["f h", "l l"]);
  });

  test("magic links of procfs lead nowhere", async () => {
    await attempt(() => [
      { name: "l", type: "2", link: "/proc/self/root" },
      { name: "l/tmp/evil", data: "evil" },
    ]);
  });

  test("links in a circle give an error", async () => {
    const { error } = await attempt(() => [
      { name: "a", type: "2", link: "b" },
      { name: "b", type: "2", link: "a" },
      { name: "a/f", data: "x" },
    ]);
    expect(error?.message).toContain("too many levels of symbolic links");
  });

  test("a link that is there already when unpacking begins is not followed either", async () => {
    using dir = host();
    const before = dir.state();
    mkdirSync(join(dir.path, "layer2"));
    symlinkSync(join(dir.path, "outside"), join(dir.path, "layer2/l"));
    const { unpackLayer } = await import("../../src/storage/unpack.ts");
    const { tar } = await import("../harness/tar.ts");
    const { chunked } = await import("./scratch.ts");
    await unpackLayer(chunked(tar([{ name: "l/secret", data: "evil" }])), {
      root: join(dir.path, "layer2"),
      rootless: process.getuid?.() !== 0,
    });
    expect(dir.state().filter((name) => name !== "layer2")).toEqual(before);
  });
});

describe("whiteout-escape", () => {
  for (const name of [".wh.", ".wh..", ".wh...", "d/.wh..", "d/.wh...", "d/.wh."]) {
    test(name, async () => {
      const { error } = await attempt(() => [{ name: "d/" }, { name }]);
      expect(error?.message).toContain("is an invalid whiteout");
    });
  }

  test("whiteouts with .. in their folder's name, or below a link to the outside", async () => {
    await attempt(() => [{ name: "../outside/.wh.secret" }]);
    await attempt(() => [{ name: "../.wh.outside" }]);
    await attempt((base) => [{ name: "l", type: "2", link: base }, { name: "l/.wh.outside" }]);
    await attempt(() => [{ name: ".wh.x/../../.wh.outside" }]);
  });
});

describe("attributes and numbers", () => {
  test("a layer cannot speak to overlayfs", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [
      {
        name: "d/",
        pax: {
          "SCHILY.xattr.trusted.overlay.redirect": "/",
          "SCHILY.xattr.user.overlay.redirect": "/",
          "SCHILY.xattr.user.overlay.opaque": "y",
        },
      },
      { name: "f", data: "x", pax: { "SCHILY.xattr.trusted.overlay.metacopy": "x", "SCHILY.xattr.user.overlay.whiteout": "y" } },
    ]);
    expect(listXattrs(join(root, "d"))).toEqual([]);
    expect(listXattrs(join(root, "f"))).toEqual([]);
  });

  test("names that Linux cannot hold, targets of nothing, unknown types", async () => {
    expect((await attempt(() => [{ name: "n".repeat(300), data: "x" }])).error?.message).toContain("file name too long");
    expect((await attempt(() => [{ name: "n/".repeat(3000), data: "x" }])).error?.message).toContain("file name too long");
    expect((await attempt(() => [{ name: "l", type: "2", link: "" }])).error?.message).toContain("symbolic link to nothing");
    expect((await attempt(() => [{ name: "l", type: "2", link: "x".repeat(9000) }])).error?.message).toContain("too long");
    expect((await attempt(() => [{ name: "d/" }, { name: "h", type: "1", link: "d" }])).error?.message).toContain(
      "hard link to the directory",
    );
    expect((await attempt(() => [{ name: "v", type: "V" as "0" }])).error?.message).toContain("unknown type");
    expect(
      (
        await attempt(() => [
          { name: "f", data: "x" },
          { name: "f/g", data: "x" },
        ])
      ).error?.message,
    ).toContain("is not a directory");
  });

  requires("root")("a device of the layer is a node in its folder and nothing else", async () => {
    const { error, files } = await attempt(() => [
      { name: "mem", type: "3", major: 1, minor: 1, mode: 0o666 },
      { name: "mem/x", data: "y" },
    ]);
    expect(error?.message).toContain("is not a directory");
    expect(files).toEqual(["c mem"]);
  });

  test("20,000 entries", async () => {
    using dir = scratch();
    const entries = Array.from({ length: 20_000 }, (_, at): TarEntry => ({ name: `d${at % 100}/l${at}`, type: "2", link: "x" }));
    const { layer } = await unpackInto(dir.path, "l", entries);
    expect(layer.entries).toBe(20_000);
    expect(readdirSync(join(dir.path, "l/d7")).length).toBe(200);
  }, 60_000);
});

test("no sequence of entries touches the outside", async () => {
  const part = fc.constantFrom("..", "a", "b", ".wh.a", ".wh..wh..opq", "outside", "secret", ".", "");
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
  const target = fc.oneof(
    path,
    path.map((name) => `/${name}`),
    fc.constant("OUTSIDE"),
    fc.constant("../outside/folder"),
    fc.constant("/"),
  );
  const entry = fc.record({ name: path, type: fc.constantFrom("0", "1", "2", "5", "6"), link: target });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 12 }), async (entries) => {
      await attempt((base) =>
        entries.map(({ name, type, link }) => ({
          name,
          type: type as "0",
          link: link === "OUTSIDE" ? join(base, "outside") : link,
          data: type === "0" ? "evil" : "",
        })),
      );
    }),
    { numRuns: 250 },
  );
}, 60_000);

test("the folder's own name stays a folder", async () => {
  using dir = scratch();
  const { root } = await unpackInto(dir.path, "l", [
    { name: "./", mode: 0o700 },
    { name: "../l/x", data: "1" },
  ]);
  expect(lstatSync(root).isDirectory()).toBe(true);
  expect(existsSync(join(root, "l/x"))).toBe(true);
});
