import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getXattr, listXattrs } from "../../ffi/xattr.ts";
import { unpackLayer } from "../../src/storage/unpack.ts";
import { requires } from "../harness/requires.ts";
import { type TarEntry, tar } from "../harness/tar.ts";
import { chunked, listing, scratch, unpackInto } from "./scratch.ts";

const marks = process.getuid?.() === 0 ? "trusted.overlay." : "user.overlay.";
const isWhiteout = (path: string): boolean => lstatSync(path).isCharacterDevice() && lstatSync(path).rdev === 0;
const isOpaque = (path: string): boolean => getXattr(path, `${marks}opaque`)?.toString() === "y";

describe("files", () => {
  test("content, modes, links and times to the nanosecond", async () => {
    using dir = scratch();
    const { root, layer } = await unpackInto(dir.path, "l", [
      { name: "bin/", mode: 0o755, mtime: 1600000000 },
      { name: "bin/tool", data: "#!x", mode: 0o755, mtime: 1700000000.125 },
      { name: "bin/same", type: "1", link: "bin/tool" },
      { name: "bin/link", type: "2", link: "/bin/../tool", mtime: 1650000000 },
      { name: "pipe", type: "6", mode: 0o620 },
      { name: "empty", mode: 0o400 },
    ]);
    expect(listing(root)).toEqual(["d bin", "l bin/link", "f bin/same", "f bin/tool", "f empty", "o pipe"]);
    expect(readFileSync(join(root, "bin/tool"), "utf8")).toBe("#!x");
    expect(statSync(join(root, "bin/tool"), { bigint: true }).mtimeNs).toBe(1700000000125000000n);
    expect(statSync(join(root, "bin/tool")).ino).toBe(statSync(join(root, "bin/same")).ino);
    expect(readlinkSync(join(root, "bin/link"))).toBe("/bin/../tool");
    expect(lstatSync(join(root, "bin/link")).mtimeMs).toBe(1650000000000);
    expect(statSync(join(root, "bin")).mtimeMs).toBe(1600000000000);
    expect(statSync(join(root, "pipe")).mode & 0o7777).toBe(0o620);
    expect(statSync(join(root, "empty")).mode & 0o7777).toBe(0o400);
    expect([layer.size, layer.entries]).toEqual([3, 6]);
  });

  requires("root")("owners, set-uid kept after the change of owner, capabilities, devices", async () => {
    using dir = scratch();
    const capability =
      "\u0001\u0000\u0000\u0002\u0000\u0004\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000";
    const { root } = await unpackInto(dir.path, "l", [
      { name: "suid", data: "x", mode: 0o6755, uid: 1000, gid: 2000 },
      { name: "ping", data: "x", mode: 0o755, uid: 7, pax: { "SCHILY.xattr.security.capability": capability } },
      { name: "link", type: "2", link: "suid", uid: 1234, gid: 4321 },
      { name: "null", type: "3", major: 1, minor: 3, mode: 0o666, uid: 5 },
      { name: "disk", type: "4", major: 259, minor: 1000, mode: 0o660 },
      { name: "note", data: "x", pax: { "SCHILY.xattr.user.note": "a note", "SCHILY.xattr.trusted.thing": "t" } },
    ]);
    const suid = statSync(join(root, "suid"));
    expect([suid.uid, suid.gid, suid.mode & 0o7777]).toEqual([1000, 2000, 0o6755]);
    expect(getXattr(join(root, "ping"), "security.capability")?.toString("latin1")).toBe(capability);
    const link = lstatSync(join(root, "link"));
    expect([link.uid, link.gid]).toEqual([1234, 4321]);
    const device = statSync(join(root, "null"));
    expect([device.isCharacterDevice(), device.rdev, device.mode & 0o777, device.uid]).toEqual([true, 0x103, 0o666, 5]);
    const disk = Bun.spawnSync(["stat", "-c", "%F %t %T", join(root, "disk")])
      .stdout.toString()
      .trim();
    expect(disk).toBe("block special file 103 3e8");
    expect(getXattr(join(root, "note"), "user.note")?.toString()).toBe("a note");
    expect(getXattr(join(root, "note"), "trusted.thing")?.toString()).toBe("t");
  });

  for (const umask of [0o022, 0o077, 0])
    requires("root")(
      `owners and modes are the layer's under umask ${umask.toString(8)}, also in a folder that gives its group away`,
      async () => {
        using dir = scratch();
        const before = process.umask(umask);
        try {
          const { root } = await unpackInto(dir.path, "l", [
            { name: "plain", data: "x", mode: 0o666 },
            { name: "implicit/file", data: "x", mode: 0o755 },
            { name: "group/", mode: 0o2775, gid: 2000 },
            { name: "group/file", data: "x", mode: 0o640 },
            { name: "group/folder/", mode: 0o711 },
            { name: "group/folder/file", data: "x", mode: 0o400 },
            { name: "group/sticky/", mode: 0o1777 },
          ]);
          const look = (name: string): string => {
            const { mode, uid, gid } = statSync(join(root, name));
            return `${name} ${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
          };
          const names = ["plain", "implicit", "implicit/file", "group", "group/file", "group/folder", "group/folder/file", "group/sticky"];
          expect(names.map(look)).toEqual([
            "plain 666 0:0",
            "implicit 755 0:0",
            "implicit/file 755 0:0",
            "group 2775 0:2000",
            "group/file 640 0:0",
            "group/folder 711 0:0",
            "group/folder/file 400 0:0",
            "group/sticky 1777 0:0",
          ]);
        } finally {
          process.umask(before);
        }
      },
    );

  test("the last of several entries with one name wins, whatever the types", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [
      { name: "a", data: "first" },
      { name: "a", data: "second" },
      { name: "b/" },
      { name: "b/inside", data: "x" },
      { name: "b", type: "2", link: "c" },
      { name: "c", type: "2", link: "nowhere" },
      { name: "c/" },
      { name: "c/d", data: "x" },
      { name: "c/", mode: 0o700, mtime: 1500000000 },
    ]);
    expect(listing(root)).toEqual(["f a", "l b", "d c", "f c/d"]);
    expect(readFileSync(join(root, "a"), "utf8")).toBe("second");
    expect(statSync(join(root, "c")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "c")).mtimeMs).toBe(1500000000000);
  });

  test("a folder with folders in it that a later entry replaces, at any depth", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [
      { name: "a/" },
      { name: "a/b/" },
      { name: "a/b/c/" },
      { name: "a/b/c/f", data: "gone" },
      { name: "a/b", data: "file" },
      { name: "x/y/z/f", data: "gone" },
      { name: "x/y", type: "2", link: "../a" },
      { name: "x/y/through", data: "the link" },
    ]);
    expect(listing(root)).toEqual(["d a", "f a/b", "f a/through", "d x", "l x/y"]);
    expect(readFileSync(join(root, "a/b"), "utf8")).toBe("file");
  });

  test("a hard link may come before its target", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [
      { name: "link", type: "1", link: "./target" },
      { name: "self", data: "s" },
      { name: "self", type: "1", link: "self" },
      { name: "target", data: "x" },
    ]);
    expect(statSync(join(root, "link")).ino).toBe(statSync(join(root, "target")).ino);
    expect(readFileSync(join(root, "self"), "utf8")).toBe("s");
  });

  test("a hard link to a file of a lower layer becomes a copy with all its looks", async () => {
    using dir = scratch();
    await unpackInto(dir.path, "0", [{ name: "bin/" }, { name: "bin/tool", data: "tool", mode: 0o755, mtime: 1600000000.5 }]);
    const { root } = await unpackInto(
      dir.path,
      "1",
      [
        { name: "bin/a", type: "1", link: "bin/tool" },
        { name: "b", type: "1", link: "bin/tool" },
      ],
      ["0"],
    );
    expect(readFileSync(join(root, "bin/a"), "utf8")).toBe("tool");
    const [a, b] = [statSync(join(root, "bin/a")), statSync(join(root, "b"))];
    expect([a.mode & 0o777, a.mtimeMs, a.ino]).toEqual([0o755, 1600000000500, b.ino]);
    expect(statSync(join(dir.path, "0/bin/tool")).ino).not.toBe(a.ino);
  });

  test("a sparse file of 10 GB takes next to nothing", async () => {
    using dir = scratch();
    const { root, layer } = await unpackInto(dir.path, "l", [
      { name: "huge", data: "head", pax: { "GNU.sparse.map": "5000000000,4", "GNU.sparse.size": String(10 * 2 ** 30) } },
    ]);
    const status = statSync(join(root, "huge"));
    expect(status.size).toBe(10 * 2 ** 30);
    expect(status.blocks * 512).toBeLessThan(1 << 20);
    expect(layer.size).toBe(10 * 2 ** 30);
  });

  test("names that are no UTF-8", async () => {
    using dir = scratch();
    const bytes = Buffer.from(tar([{ name: "caf.", data: "x" }]));
    bytes[3] = 0xe9;
    let sum = 256;
    for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += bytes[i] as number;
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const { root } = await unpackInto(dir.path, "l", bytes);
    expect(readdirSync(Buffer.from(root), { encoding: "buffer" })).toEqual([Buffer.from([0x63, 0x61, 0x66, 0xe9])]);
  });

  test("chunks of any size give the same layer", async () => {
    using dir = scratch();
    const entries: TarEntry[] = [
      { name: "d/" },
      ...Array.from({ length: 30 }, (_, at) => ({ name: `d/f${at}`, data: "y".repeat(at * 37) })),
    ];
    for (const size of [1, 511, 512, 513, 1 << 20]) {
      const root = join(dir.path, String(size));
      mkdirSync(root);
      await unpackLayer(chunked(tar(entries), size), { root, rootless: false });
      for (const { name, data } of entries.slice(1)) expect(readFileSync(join(root, name), "utf8")).toBe(data as string);
    }
  });
});

describe("whiteouts", () => {
  test("a whiteout becomes a device 0/0, before or after its folder", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [{ name: "a/b/.wh.gone" }, { name: "a/b/" }, { name: ".wh.top" }]);
    expect(listing(root)).toEqual(["d a", "d a/b", "c a/b/gone", "c top"]);
    expect(isWhiteout(join(root, "a/b/gone"))).toBe(true);
  });

  test("an opaque folder, whatever the order", async () => {
    using dir = scratch();
    for (const [at, entries] of [
      [{ name: "d/" }, { name: "d/.wh..wh..opq" }, { name: "d/own", data: "x" }],
      [{ name: "d/own", data: "x" }, { name: "d/.wh..wh..opq" }],
      [{ name: "d/.wh..wh..opq" }, { name: "d/own", data: "x" }, { name: "d/" }],
    ].entries()) {
      const { root } = await unpackInto(dir.path, `l${at}`, entries as TarEntry[]);
      expect(listing(root)).toEqual(["d d", "f d/own"]);
      expect(isOpaque(join(root, "d"))).toBe(true);
    }
  });

  test("hides the lower layers only: this layer's own file stays, its own folder becomes opaque", async () => {
    using dir = scratch();
    for (const [at, entries] of [
      [{ name: "f", data: "x" }, { name: ".wh.f" }, { name: "d/" }, { name: ".wh.d" }, { name: "e/x", data: "" }, { name: ".wh.e" }],
      [{ name: ".wh.f" }, { name: "f", data: "x" }, { name: ".wh.d" }, { name: "d/" }, { name: ".wh.e" }, { name: "e/x", data: "" }],
    ].entries()) {
      const { root } = await unpackInto(dir.path, `l${at}`, entries as TarEntry[]);
      expect(listing(root)).toEqual(["d d", "d e", "f e/x", "f f"]);
      expect([isOpaque(join(root, "d")), isOpaque(join(root, "e"))]).toEqual([true, true]);
    }
  });

  test("an opaque root hides all that lies below by marks of its own", async () => {
    using dir = scratch();
    await unpackInto(dir.path, "0", [{ name: "etc/" }, { name: "usr/" }, { name: "file", data: "x" }]);
    const { root } = await unpackInto(dir.path, "1", [{ name: ".wh..wh..opq" }, { name: "etc/" }, { name: "new", data: "x" }], ["0"]);
    expect(listing(root)).toEqual(["d etc", "c file", "f new", "c usr"]);
    expect(isOpaque(join(root, "etc"))).toBe(true);
  });

  test("aufs' own files are ignored", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [
      { name: ".wh..wh.plnk/" },
      { name: ".wh..wh.plnk/1.2", data: "x" },
      { name: "d/.wh..wh.aufs", data: "x" },
    ]);
    expect(listing(root)).toEqual([]);
  });

  requires("root", "overlay")("the kernel sees the layers as the image means them", async () => {
    using dir = scratch();
    await unpackInto(dir.path, "0", [
      { name: "d/" },
      { name: "d/low", data: "0" },
      { name: "gone", data: "0" },
      { name: "o/" },
      { name: "o/low", data: "0" },
      { name: "r/" },
      { name: "r/low", data: "0" },
    ]);
    await unpackInto(
      dir.path,
      "1",
      [
        { name: "d/high", data: "1" },
        { name: ".wh.gone" },
        { name: "o/.wh..wh..opq" },
        { name: "o/high", data: "1" },
        { name: ".wh.r" },
        { name: "r/" },
      ],
      ["0"],
    );
    const script = `mount -t overlay overlay -o lowerdir=${dir.path}/1:${dir.path}/0 ${dir.path}/m && cd ${dir.path}/m && find . | sort`;
    mkdirSync(join(dir.path, "m"));
    const { stdout, stderr } = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script]);
    expect(stderr.toString()).toBe("");
    expect(stdout.toString().trim().split("\n")).toEqual([".", "./d", "./d/high", "./d/low", "./o", "./o/high", "./r"]);
  });
});

describe("folders without an entry", () => {
  test("look as in the layer below that has them", async () => {
    using dir = scratch();
    await unpackInto(dir.path, "0", [
      { name: "./", mode: 0o711, mtime: 1400000000 },
      { name: "tmp/", mode: 0o1777, mtime: 1500000000 },
      { name: "tmp/a/", mode: 0o700, mtime: 1550000000 },
    ]);
    await unpackInto(dir.path, "1", [{ name: "other", data: "x" }], ["0"]);
    const { root } = await unpackInto(dir.path, "2", [{ name: "tmp/a/b/c", data: "x" }], ["1", "0"]);
    const look = (name: string): unknown[] => [statSync(join(root, name)).mode & 0o7777, statSync(join(root, name)).mtimeMs];
    expect(look(".")).toEqual([0o711, 1400000000000]);
    expect(look("tmp")).toEqual([0o1777, 1500000000000]);
    expect(look("tmp/a")).toEqual([0o700, 1550000000000]);
    expect(look("tmp/a/b")[0]).toBe(0o755);
  });

  test("the root is 0755 where no layer says otherwise", async () => {
    using dir = scratch();
    const { root } = await unpackInto(dir.path, "l", [{ name: "f", data: "x" }]);
    expect(statSync(root).mode & 0o7777).toBe(0o755);
  });
});

describe("an ordinary user", () => {
  requires(
    "root",
    "open-checkout",
    "setpriv",
  )("gets all files as his own, marks of user.overlay.*, and no devices", async () => {
    using dir = scratch();
    const layer = tar([
      { name: "d/", mode: 0o555, uid: 5 },
      { name: "d/f", data: "x", uid: 1000, gid: 1000, mode: 0o4755 },
      { name: "null", type: "3", major: 1, minor: 3 },
      { name: "d/.wh.gone" },
      { name: "o/.wh..wh..opq" },
    ]);
    writeFileSync(join(dir.path, "layer.tar"), layer);
    const root = join(dir.path, "root");
    mkdirSync(root);
    Bun.spawnSync(["chown", "65534:65534", root]);
    const script = join(import.meta.dir, "unpack-child.ts");
    const { stderr, exitCode } = Bun.spawnSync([
      "setpriv",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      process.execPath,
      script,
      join(dir.path, "layer.tar"),
      root,
    ]);
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    expect(listing(root)).toEqual(["d d", "f d/f", "c d/gone", "d o"]);
    expect(statSync(join(root, "d")).mode & 0o777).toBe(0o555);
    expect([statSync(join(root, "d/f")).uid, statSync(join(root, "d/f")).mode & 0o7777]).toEqual([65534, 0o4755]);
    expect(listXattrs(join(root, "o"))).toEqual(["user.overlay.opaque"]);
  });
});
