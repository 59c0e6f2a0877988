/** The tar of an unpacked layer: overlayfs' marks become the whiteouts of the image-spec again. */
import {
  type FileStatus,
  readFolder,
  readLinkAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statAt,
} from "../../ffi/at.ts";
import { check, EINTR } from "../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, open, openAt, openInRoot } from "../../ffi/fd.ts";
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";
import { getXattr, listXattrs } from "../../ffi/xattr.ts";
import type { TarType } from "./tar/entry.ts";
import { type TarInput, type TarOutput, writeTar } from "./tar/writer.ts";
import { overlayMarks, pathIn } from "./unpack/overlay-marks.ts";

/**
 * The layer in the folder `root` as an uncompressed tar, names in order, without an entry for the root itself. `rootless` tells
 * which marks it has: trusted.overlay.* or user.overlay.*. Throws SysError.
 */
export const packLayer = (root: string, { rootless }: { rootless: boolean }): AsyncGenerator<Uint8Array> =>
  writeTar(members(root, rootless));

interface Packer {
  top: number;
  /** Of overlayfs' attributes. */
  prefix: string;
  /** Of files with several names: inode → the first one. */
  firstNames: Map<bigint, string>;
}

function* members(root: string, rootless: boolean): Generator<TarOutput> {
  using top = open(root, O_RDONLY | O_DIRECTORY);
  yield* folder({ top: top.number, prefix: overlayMarks(rootless).prefix, firstNames: new Map() }, "");
}

/** What is directly in a folder, then each folder in it: one descriptor is open at a time, however deep the tree. */
function* folder(packer: Packer, path: string): Generator<TarOutput> {
  const inside = (name: string): string => (path === "" ? name : `${path}/${name}`);
  const folders: string[] = [];
  {
    using fd = openFolder(packer, path);
    if (isMarked(packer, fd.number, { name: ".", mark: "opaque" })) yield emptyFile(inside(".wh..wh..opq"));
    for (const { name, directory } of readFolder(fd.number).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      yield* member(packer, fd.number, { name, path: inside(name) });
      if (directory) folders.push(inside(name));
    }
  }
  for (const child of folders) yield* folder(packer, child);
}

function openFolder(packer: Packer, path: string): Fd {
  const result = openInRoot(packer.top, path || ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return new Fd(check(result, `open ${path || "the layer's folder"}`));
}

const isMarked = ({ prefix }: Packer, at: number, { name, mark }: { name: string; mark: string }): boolean =>
  getXattr(pathIn(at, name), prefix + mark)?.toString() === "y";

const emptyFile = (name: string): TarOutput => ({ entry: { name, type: "file", mode: 0o600, size: 0 } });

const types: Record<number, TarType> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
  [S_IFIFO]: "fifo",
};

interface Named {
  name: string;
  /** Below the layer's folder. */
  path: string;
}

function* member(packer: Packer, at: number, { name, path }: Named): Generator<TarOutput> {
  const status = statAt(at, name);
  const type = types[(status?.mode ?? 0) & S_IFMT];
  // Sockets have no place in a tar; their servers make them anew.
  if (!status || !type) return;
  if (isWhiteout(packer, at, { name, status })) {
    yield emptyFile(`${path.slice(0, path.length - name.length)}.wh.${name}`);
    return;
  }
  const entry: TarInput = {
    name: type === "directory" ? `${path}/` : path,
    type,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    mtime: status.mtime,
    size: type === "file" ? status.size : 0,
    xattrs: attributes(at, name),
  };
  if (type === "symlink") entry.linkName = readLinkAt(at, name) ?? "";
  if (type === "character" || type === "block") {
    entry.deviceMajor = status.deviceMajor;
    entry.deviceMinor = status.deviceMinor;
  }
  const first = type !== "directory" && status.links > 1 ? packer.firstNames.get(status.inode) : undefined;
  if (first !== undefined) yield { entry: { name: path, type: "hardlink", linkName: first, mode: entry.mode ?? 0, mtime: status.mtime } };
  else {
    if (status.links > 1) packer.firstNames.set(status.inode, path);
    yield type === "file" ? { entry, body: content(at, { name, size: status.size }) } : { entry };
  }
}

function isWhiteout(packer: Packer, at: number, { name, status }: { name: string; status: FileStatus }): boolean {
  const kind = status.mode & S_IFMT;
  if (kind === S_IFCHR) return status.deviceMajor === 0 && status.deviceMinor === 0;
  return kind === S_IFREG && status.size === 0 && isMarked(packer, at, { name, mark: "whiteout" });
}

function attributes(at: number, name: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const path = pathIn(at, name);
  for (const key of listXattrs(path)) {
    // Labels of this host's policy are no part of an image, nor are overlayfs' own notes.
    if (key.startsWith("trusted.overlay.") || key.startsWith("user.overlay.") || key === "security.selinux") continue;
    const value = getXattr(path, key);
    if (value) found.set(key, Buffer.from(value));
  }
  return found;
}

/** The first `size` bytes of a file, which is opened when they are asked for. */
async function* content(at: number, { name, size }: { name: string; size: number }): AsyncGenerator<Uint8Array> {
  using file = openAt(at, name, O_RDONLY | O_NOFOLLOW);
  for (let left = size; left > 0; ) {
    const buffer = Buffer.allocUnsafe(Math.min(left, 1 << 20));
    const got = sys(NR.read, file.number, buffer, buffer.length);
    if (got === -EINTR) continue;
    if (check(got, `read ${name}`) === 0) return;
    yield buffer.subarray(0, got);
    left -= got;
  }
}
