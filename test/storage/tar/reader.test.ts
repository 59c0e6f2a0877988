import { describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, linkSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { HoyError } from "../../../src/spec/error.ts";
import type { TarEntry } from "../../../src/storage/tar/entry.ts";
import { readAll, readTar } from "../../../src/storage/tar/reader.ts";
import { tarEnd, tarHeader, writeTar } from "../../../src/storage/tar/writer.ts";
import { requires } from "../../harness/requires.ts";
import { tar } from "../../harness/tar.ts";
import { chunked, scratch } from "../scratch.ts";

interface Read {
  entry: TarEntry;
  data: Buffer;
}

async function readBytes(bytes: Uint8Array, chunk?: number): Promise<Read[]> {
  const members: Read[] = [];
  for await (const { entry, body } of readTar(chunked(bytes, chunk)))
    members.push({ entry, data: await readAll(body, 1 << 30, () => new Error("large")) });
  return members;
}

const only = async (bytes: Uint8Array): Promise<Read> => {
  const [member] = await readBytes(bytes);
  if (!member) throw new Error("no member");
  return member;
};

const errorOf = async (bytes: Uint8Array): Promise<Error> => {
  try {
    await readBytes(bytes);
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
};

function gnuTar(folder: string, ...args: string[]): Uint8Array {
  const { stdout, exitCode, stderr } = Bun.spawnSync(["tar", "-C", folder, "-cf", "-", ...args], {
    stdin: "ignore",
    env: { PATH: process.env.PATH, LC_ALL: "C" },
  });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return new Uint8Array(stdout);
}

/** 8 MiB with data in three places. */
function sparseFile(path: string): Buffer {
  const content = Buffer.alloc(8 << 20);
  const fd = openSync(path, "w");
  ftruncateSync(fd, content.length);
  for (const at of [0, 3 << 20, (8 << 20) - 4096]) {
    content.fill(65 + (at % 7), at, at + 4096);
    writeSync(fd, content, at, 4096, at);
  }
  closeSync(fd);
  return content;
}

describe("archives of GNU tar", () => {
  for (const format of ["v7", "ustar", "gnu", "oldgnu", "posix"]) {
    requires("tar")(`format ${format}: types, links, content, owners`, async () => {
      using dir = scratch();
      mkdirSync(join(dir.path, "src/folder"), { recursive: true });
      writeFileSync(join(dir.path, "src/a"), "content of a", { mode: 0o640 });
      linkSync(join(dir.path, "src/a"), join(dir.path, "src/b"));
      symlinkSync("a", join(dir.path, "src/link"));
      const members = await readBytes(
        gnuTar(dir.path, `--format=${format}`, "--owner=:7", "--group=:9", "--mtime=@1700000000", "--sort=name", "src"),
        700,
      );
      const seen = members.map(({ entry, data }) => [entry.name, entry.type, entry.linkName, data.toString()]);
      expect(seen).toEqual([
        ["src/", "directory", "", ""],
        ["src/a", "file", "", "content of a"],
        ["src/b", "hardlink", "src/a", ""],
        ["src/folder/", "directory", "", ""],
        ["src/link", "symlink", "a", ""],
      ]);
      expect(members.every(({ entry }) => entry.uid === 7 && entry.gid === 9 && entry.mtime === 1700000000n * 1_000_000_000n)).toBe(true);
      expect(members[1]?.entry.mode).toBe(0o640);
    });
  }

  for (const format of ["gnu", "posix"]) {
    requires("tar")(`long names and link targets, format ${format}`, async () => {
      using dir = scratch();
      const long = `${"d".repeat(120)}/${"f".repeat(200)}`;
      mkdirSync(join(dir.path, "d".repeat(120)));
      writeFileSync(join(dir.path, long), "x");
      symlinkSync("t".repeat(300), join(dir.path, "d".repeat(120), "link"));
      const members = await readBytes(gnuTar(dir.path, `--format=${format}`, "--sort=name", "d".repeat(120)), 333);
      expect(members.map(({ entry }) => entry.name)).toEqual([`${"d".repeat(120)}/`, long, `${"d".repeat(120)}/link`]);
      expect(members[2]?.entry.linkName).toBe("t".repeat(300));
    });
  }

  for (const format of ["gnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1", "posix --sparse-version=1.0"]) {
    requires("tar")(`sparse files, format ${format}`, async () => {
      using dir = scratch();
      const content = sparseFile(join(dir.path, "sparse"));
      const bytes = gnuTar(dir.path, "--sparse", ...`--format=${format}`.split(" "), "sparse");
      expect(bytes.length).toBeLessThan(1 << 20);
      const { entry, data } = await only(bytes);
      expect(entry.name).toBe("sparse");
      expect(entry.size).toBe(content.length);
      expect(data.equals(content)).toBe(true);
      expect(entry.extents?.length).toBeGreaterThanOrEqual(3);
    });
  }

  requires("tar")("nanoseconds in the PAX format", async () => {
    using dir = scratch();
    writeFileSync(join(dir.path, "f"), "");
    const { entry } = await only(gnuTar(dir.path, "--format=posix", "--mtime=@1700000000.123456789", "f"));
    expect(entry.mtime).toBe(1700000000123456789n);
  });
});

describe("archives of Python's tarfile", () => {
  for (const format of ["USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"]) {
    requires("python3")(format, async () => {
      const script = `
import tarfile, io, sys
t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.${format})
i = tarfile.TarInfo("dev"); i.type = tarfile.CHRTYPE; i.devmajor = 5; i.devminor = 300; t.addfile(i)
i = tarfile.TarInfo("pipe"); i.type = tarfile.FIFOTYPE; i.mode = 0o600; t.addfile(i)
i = tarfile.TarInfo("p" * 90 + "/" + "q" * 90); i.size = 3; i.uid = 1000; i.mode = 0o6755; t.addfile(i, io.BytesIO(b"abc"))
t.close()`;
      const { stdout } = Bun.spawnSync(["python3", "-c", script]);
      const [device, pipe, file] = await readBytes(new Uint8Array(stdout));
      expect([device?.entry.type, device?.entry.deviceMajor, device?.entry.deviceMinor]).toEqual(["character", 5, 300]);
      expect([pipe?.entry.type, pipe?.entry.mode]).toEqual(["fifo", 0o600]);
      expect([file?.entry.name, file?.entry.uid, file?.entry.mode, file?.data.toString()]).toEqual([
        `${"p".repeat(90)}/${"q".repeat(90)}`,
        1000,
        0o6755,
        "abc",
      ]);
    });
  }

  requires("python3")("large ids and sizes in base 256", async () => {
    const script = `
import tarfile, sys
i = tarfile.TarInfo("big"); i.uid = 2**31 - 2; i.gid = 4294967294; i.size = 10 * 2**30; i.mtime = -1
sys.stdout.buffer.write(i.tobuf(tarfile.GNU_FORMAT))`;
    const { stdout } = Bun.spawnSync(["python3", "-c", script]);
    for await (const { entry } of readTar(chunked(new Uint8Array(stdout)))) {
      expect([entry.uid, entry.gid, entry.size, entry.mtime]).toEqual([2 ** 31 - 2, 4294967294, 10 * 2 ** 30, -1_000_000_000n]);
      break;
    }
  });

  requires("python3")("a header of our writer is read by it as it was meant", async () => {
    const bytes: Uint8Array[] = [];
    const entry = {
      name: `${"n".repeat(180)}/ü\udcff`,
      type: "file" as const,
      size: 2,
      uid: 3_000_000,
      gid: 5,
      mode: 0o4711,
      mtime: 1700000000500000000n,
    };
    for await (const part of writeTar([
      { entry: { ...entry, xattrs: new Map([["user.a", Buffer.from("=\n1")]]) }, body: Buffer.from("hi") },
    ]))
      bytes.push(part);
    const script = `
import tarfile, io, sys
t = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())); i = t.getmembers()[0]
print(ascii([i.name, i.size, i.uid, i.gid, oct(i.mode), i.mtime, i.pax_headers["SCHILY.xattr.user.a"], t.extractfile(i).read()]))`;
    const { stdout, stderr } = Bun.spawnSync(["python3", "-c", script], { stdin: Buffer.concat(bytes) });
    expect(stderr.toString()).toBe("");
    expect(stdout.toString().trim()).toBe(`['${"n".repeat(180)}/\\xfc\\udcff', 2, 3000000, 5, '0o4711', 1700000000.5, '=\\n1', b'hi']`);
  });
});

describe("details of the format", () => {
  test("extended attributes, and global records that members overrule", async () => {
    const bytes = tar([
      { name: "global", type: "g", data: "18 uname=everyone\n14 uid=123456\n" },
      { name: "a", pax: { "SCHILY.xattr.user.note": "a=b\nc" } },
      { name: "b", pax: { uid: "7" } },
    ]);
    const [a, b] = await readBytes(bytes);
    expect(a?.entry.xattrs.get("user.note")?.toString()).toBe("a=b\nc");
    expect([a?.entry.uid, a?.entry.userName, b?.entry.uid]).toEqual([123456, "everyone", 7]);
  });

  test("a slash at the end makes a folder, links have no body whatever their size says", async () => {
    const members = await readBytes(
      tar([
        { name: "d/", type: "0" },
        { name: "l", type: "2", link: "x", size: 1024 },
        { name: "f", data: "1" },
      ]),
    );
    expect(members.map(({ entry }) => [entry.type, entry.size])).toEqual([
      ["directory", 0],
      ["symlink", 0],
      ["file", 1],
    ]);
  });

  test("no end blocks, or nothing at all, is an archive; what follows the end is ignored", async () => {
    expect(await readBytes(new Uint8Array())).toEqual([]);
    expect((await readBytes(tarHeader({ name: "a", type: "fifo" }))).length).toBe(1);
    expect((await readBytes(Buffer.concat([tar([{ name: "a" }]), Buffer.from("rubbish")]))).length).toBe(1);
  });

  test("a name with bytes that are no UTF-8 comes back as it was", async () => {
    const header = Buffer.from(tarHeader({ name: "a\udcff\udc80b", type: "file" }));
    const { entry } = await only(Buffer.concat([header, tarEnd()]));
    expect(entry.name).toBe("a\udcff\udc80b");
  });
});

describe("broken archives", () => {
  const good = Buffer.from(tar([{ name: "usr/bin/tool", data: "x".repeat(2000) }]));

  test("a wrong checksum names the member", async () => {
    const bad = Buffer.from(good);
    bad[105] = 0x37;
    const error = await errorOf(bad);
    expect(error).toBeInstanceOf(HoyError);
    expect(error.message).toBe('corrupt archive: "usr/bin/tool": its header has a wrong checksum');
  });

  test("cut off in the header, in the body, after an extended header", async () => {
    for (const cut of [100, 700, 2400]) expect((await errorOf(good.subarray(0, cut))).message).toContain("the archive is cut off");
    const pax = tar([{ name: "f", pax: { uid: "1" } }]);
    expect((await errorOf(pax.subarray(0, 1024))).message).toContain("the archive is cut off");
  });

  const cases: [string, Uint8Array, string][] = [
    ["extended header of 2 MiB", tar([{ name: "p", type: "x", size: 2 << 20 }]), "too long"],
    ["long name of 2 MiB", tar([{ name: "p", type: "L", size: 2 << 20 }]), "too long"],
    ["PAX record without an end", tar([{ name: "p", type: "x", data: "99 path=x\n" }, { name: "f" }]), "malformed extended header"],
    ["PAX record of length 0", tar([{ name: "p", type: "x", data: "0 a=b\n" }, { name: "f" }]), "malformed extended header"],
    ["PAX size that is no number", tar([{ name: "f", pax: { size: "-5" } }]), "its size is no number"],
    ["uid that the kernel cannot hold", tar([{ name: "f", pax: { uid: "99999999999" } }]), '"f": its uid 99999999999 is larger than any'],
    ["gid that means none", tar([{ name: "f", pax: { gid: "4294967295" } }]), '"f": its gid 4294967295 is larger than any'],
    ["NUL in a name", tar([{ name: "f", pax: { path: "a\0b" } }]), "NUL"],
    [
      "sparse map out of bounds",
      tar([{ name: "f", data: "12345", pax: { "GNU.sparse.map": "0,5", "GNU.sparse.size": "3" } }]),
      "out of bounds",
    ],
    [
      "sparse map out of order",
      tar([{ name: "f", data: "12345", pax: { "GNU.sparse.map": "9,2,0,3", "GNU.sparse.size": "20" } }]),
      "out of bounds",
    ],
    [
      "sparse map unlike the data",
      tar([{ name: "f", data: "12345", pax: { "GNU.sparse.map": "0,2", "GNU.sparse.size": "20" } }]),
      "does not match",
    ],
    [
      "sparse map without numbers",
      tar([{ name: "f", data: "12345", pax: { "GNU.sparse.map": "0,x", "GNU.sparse.size": "20" } }]),
      "malformed",
    ],
    ["no archive at all", Buffer.alloc(1024, "not a tar "), "corrupt archive"],
  ];
  for (const [title, bytes, message] of cases) {
    test(title, async () => {
      const error = await errorOf(bytes);
      expect(error).toBeInstanceOf(HoyError);
      expect(error.message).toContain(message);
      expect(error.message).not.toContain("\n");
    });
  }
});
