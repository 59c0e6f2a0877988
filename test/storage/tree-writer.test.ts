/** Putting files into a tree that somebody else changes at the same time, and reading one: nothing is touched outside of it. */
import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Fd, O_DIRECTORY, O_PATH, O_RDONLY, open } from "../../ffi/fd.ts";
import { treeMembers } from "../../src/storage/pack.ts";
import { tarParser } from "../../src/storage/tar/parser.ts";
import { type TreeTarget, treeWriter } from "../../src/storage/unpack/tree-writer.ts";
import { type TarEntry, tar } from "../harness/tar.ts";
import { scratch } from "./scratch.ts";

function put(entries: readonly TarEntry[], target: Omit<TreeTarget, "owner">): void {
  using writer = treeWriter({ ...target, owner: "caller" });
  const parser = tarParser(writer);
  parser.feed(Buffer.from(tar(entries)));
  parser.finish();
  writer.finish();
}

interface Scene extends Disposable {
  /** Of the tree; beside it lies `outside`, with a file `secret`. */
  root: string;
  outside: string;
  fd: Fd;
}

function scene(): Scene {
  const dir = scratch();
  const [root, outside] = [join(dir.path, "root"), join(dir.path, "outside")];
  mkdirSync(join(root, "data"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "secret");
  const fd = open(root, O_PATH | O_DIRECTORY);
  return {
    root,
    outside,
    fd,
    [Symbol.dispose]() {
      fd.close();
      dir[Symbol.dispose]();
    },
  };
}

describe("a tree that files are put into", () => {
  test("files replace files, folders are merged, and neither takes the other's place", () => {
    using at = scene();
    writeFileSync(join(at.root, "data/old"), "old", { mode: 0o600 });
    mkdirSync(join(at.root, "data/sub"));
    writeFileSync(join(at.root, "data/sub/kept"), "kept");
    const target = { folder: at.fd.number, path: "/", root: at.fd.number };
    put(
      [
        { name: "data/", mode: 0o750 },
        { name: "data/old", data: "new", mode: 0o640 },
        { name: "data/sub/", mode: 0o700 },
        { name: "data/sub/more", data: "more" },
        { name: "data/link", type: "2", link: "old" },
        { name: "data/hard", type: "1", link: "data/old" },
        { name: "made/on/the/way", data: "x" },
      ],
      target,
    );
    expect(readFileSync(join(at.root, "data/old"), "utf8")).toBe("new");
    expect(statSync(join(at.root, "data/old")).mode & 0o7777).toBe(0o640);
    expect(statSync(join(at.root, "data/hard")).ino).toBe(statSync(join(at.root, "data/old")).ino);
    expect(statSync(join(at.root, "data")).mode & 0o7777).toBe(0o750);
    expect(readdirSync(join(at.root, "data/sub")).sort()).toEqual(["kept", "more"]);
    expect(readlinkSync(join(at.root, "data/link"))).toBe("old");
    expect(statSync(join(at.root, "made/on/the")).mode & 0o7777).toBe(0o755);
    expect(() => put([{ name: "data/sub", data: "x" }], target)).toThrow('cannot overwrite directory "/data/sub" with non-directory "/"');
    expect(() => put([{ name: "data/old/" }], target)).toThrow('cannot overwrite non-directory "/data/old" with directory "/"');
    expect(readFileSync(join(at.root, "data/sub/kept"), "utf8")).toBe("kept");
  });

  test("names that climb stay in it", () => {
    using at = scene();
    using data = open(join(at.root, "data"), O_PATH | O_DIRECTORY);
    put([{ name: "../../outside/evil", data: "x" }], { folder: data.number, path: "/data", root: at.fd.number });
    expect(readFileSync(join(at.root, "data/outside/evil"), "utf8")).toBe("x");
    expect(readdirSync(at.outside)).toEqual(["secret"]);
  });

  test("links lead where they lead in the container", () => {
    using at = scene();
    symlinkSync(at.outside, join(at.root, "data/out"));
    symlinkSync("/data", join(at.root, "in"));
    const target = { folder: at.fd.number, path: "/", root: at.fd.number };
    put([{ name: "in/file", data: "x" }], target);
    expect(readFileSync(join(at.root, "data/file"), "utf8")).toBe("x");
    // the same path below the container's root: there is nothing, and a link to nothing is no folder
    expect(() => put([{ name: "data/out/secret", data: "evil" }], target)).toThrow("a link to nothing has its name");
    expect(readFileSync(join(at.outside, "secret"), "utf8")).toBe("secret");
  });

  test("on the host no link is followed at all", () => {
    using at = scene();
    const target = { folder: at.fd.number, path: at.root };
    // a container's own archive: first the link, then a file through it
    const entries: TarEntry[] = [
      { name: "l", type: "2", link: at.outside },
      { name: "l/secret", data: "evil" },
    ];
    expect(() => put(entries, target)).toThrow("it is");
    symlinkSync("data", join(at.root, "inner"));
    expect(() => put([{ name: "inner/x", data: "evil" }], target)).toThrow("it is");
    expect(readFileSync(join(at.outside, "secret"), "utf8")).toBe("secret");
    expect(readdirSync(join(at.root, "data"))).toEqual([]);
  });

  test("a last link is replaced, not written through", () => {
    using at = scene();
    symlinkSync(join(at.outside, "secret"), join(at.root, "data/f"));
    put([{ name: "data/f", data: "new", mode: 0o600 }], { folder: at.fd.number, path: "/", root: at.fd.number });
    expect(lstatSync(join(at.root, "data/f")).isFile()).toBe(true);
    expect(readFileSync(join(at.outside, "secret"), "utf8")).toBe("secret");
  });

  test("nothing is put into /proc", () => {
    using proc = open("/proc", O_PATH | O_DIRECTORY);
    expect(() => put([{ name: "x", data: "x" }], { folder: proc.number, path: "/proc", root: proc.number })).toThrow(
      "a file system of the kernel's",
    );
  });
});

/** Swaps `data/a` between a folder and a link to the folder outside, and `data/f` between a file and a link, until it is ended. */
const SWAPPER = `
  import { renameSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
  const [root, outside] = process.argv.slice(1);
  mkdirSync(root + "/spare"); symlinkSync(outside, root + "/spare/link"); symlinkSync(outside + "/secret", root + "/spare/file");
  console.log("ready");
  for (let n = 0; ; n++) {
    try { renameSync(root + "/data/a", root + "/spare/a" + n); } catch {}
    try { symlinkSync(outside, root + "/data/a"); } catch {}
    try { renameSync(root + "/data/a", root + "/spare/gone"); } catch {}
    try { mkdirSync(root + "/data/a"); } catch {}
    try { symlinkSync(outside + "/secret", root + "/spare/l"); renameSync(root + "/spare/l", root + "/data/f"); } catch {}
    try { writeFileSync(root + "/spare/f", "plain"); renameSync(root + "/spare/f", root + "/data/f"); } catch {}
  }
`;

describe("a tree that somebody swaps links in", () => {
  const ROUNDS = 1500;
  /** Between the look at a file and its opening there is little time. */
  const READ_ROUNDS = 30_000;

  const swapping = async (at: Scene, act: () => void | Promise<void>, rounds = ROUNDS): Promise<number> => {
    const child = Bun.spawn([process.execPath, "-e", SWAPPER, at.root, at.outside], { stdout: "pipe", stderr: "ignore" });
    let refused = 0;
    try {
      await child.stdout.getReader().read();
      for (let round = 0; round < rounds; round++) {
        try {
          await act();
        } catch {
          // another thing was there each time: what counts is what lies outside
          refused++;
        }
      }
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    return refused;
  };

  test("writing into it changes nothing outside", async () => {
    using at = scene();
    const before = statSync(at.outside);
    const entries: TarEntry[] = [
      { name: "data/a/", mode: 0o777 },
      { name: "data/a/secret", data: "evil", mode: 0o666 },
      { name: "data/f", data: "evil", mode: 0o666 },
    ];
    for (const root of [at.fd.number, undefined]) {
      const target = { folder: at.fd.number, path: "/", ...(root === undefined ? {} : { root }) };
      const refused = await swapping(scene2(at), () => put(entries, target));
      // some got through, some met a link
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThan(ROUNDS);
    }
    expect(readdirSync(at.outside)).toEqual(["secret"]);
    expect(readFileSync(join(at.outside, "secret"), "utf8")).toBe("secret");
    const after = statSync(at.outside);
    expect([after.mode, after.mtimeMs, after.ctimeMs]).toEqual([before.mode, before.mtimeMs, before.ctimeMs]);
  }, 120_000);

  test("reading it tells nothing of what lies outside", async () => {
    using at = scene();
    const seen = new Set<string>();
    await swapping(
      at,
      () => {
        using top = open(join(at.root, "data"), O_RDONLY | O_DIRECTORY);
        for (const { body } of treeMembers(top.number, "copy")) for (const bytes of body ?? []) seen.add(Buffer.from(bytes).toString());
      },
      READ_ROUNDS,
    );
    expect([...seen]).toEqual(["plain"]);
  }, 120_000);
});

/** The same tree for another swapper, which makes its own folder. */
function scene2(at: Scene): Scene {
  const { root } = at;
  Bun.spawnSync(["rm", "-rf", join(root, "spare"), join(root, "data")]);
  mkdirSync(join(root, "data"));
  return at;
}
