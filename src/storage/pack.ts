/** The tar of a tree of files; of a layer's, overlayfs' marks become the whiteouts of the image-spec again. */
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
import { check, EINTR, ELOOP, ENOENT, ENOTDIR } from "../../ffi/errno.ts";
import {
  Fd,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  open,
  openInRoot,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../../ffi/fd.ts";
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";
import { getXattr, listXattrs } from "../../ffi/xattr.ts";
import { HoyError } from "../spec/error.ts";
import { NO_XATTRS, shown, type TarType } from "./tar/entry.ts";
import { type TarInput, writeTar } from "./tar/writer.ts";
import { overlayMarks, pathIn } from "./unpack/overlay-marks.ts";

/** A file of a tree. */
export interface TreeMember {
  entry: TarInput;
  /** Its content, of a regular file alone: exactly `entry.size` bytes, in pieces that are valid until the next one is asked for. */
  body?: Iterable<Uint8Array>;
}

/**
 * The layer in the folder `root` as an uncompressed tar, names in order, without an entry for the root itself. `rootless` tells
 * which marks it has: trusted.overlay.* or user.overlay.*. Throws SysError.
 */
export const packLayer = (root: string, { rootless }: { rootless: boolean }): AsyncGenerator<Uint8Array> =>
  writeTar(layerMembers(root, { rootless }));

/** The members of that tar. Throws HoyError for a layer that another kernel's settings have left with marks that no tar can say. */
export function* layerMembers(root: string, { rootless }: { rootless: boolean }): Generator<TreeMember> {
  using top = open(root, O_RDONLY | O_DIRECTORY);
  yield* folder({ top: top.number, base: "", marks: overlayMarks(rootless).prefix, firstNames: new Map() }, "");
}

/**
 * All that is in the open folder `top`, under `base` (`etc` gives `etc/`, `etc/hosts` …; "" leaves the folder itself out). Its files
 * may change meanwhile, or be somebody's who wants to be followed elsewhere: no link is ever followed, what is gone is left out, and
 * a file has the size that it had when it was looked at. Throws SysError.
 */
export function* treeMembers(top: number, base: string): Generator<TreeMember> {
  const status = statAt(top, "");
  if (base !== "" && status) yield { entry: entryOf({ at: top, name: ".", path: base, status }, "directory") };
  yield* folder({ top, base, firstNames: new Map() }, "");
}

/**
 * The one file that `handle` (O_PATH) is open on, called `path`; nothing where it is a socket. Not for folders. Throws SysError.
 */
export function* fileMembers(handle: Fd, path: string): Generator<TreeMember> {
  const status = statAt(handle.number, "");
  const type = types[(status?.mode ?? 0) & S_IFMT];
  if (!status || !type) return;
  const seen = { at: handle.number, name: "", path, status };
  if (type !== "file") yield { entry: entryOf(seen, type) };
  else {
    using file = open(handle.path, O_RDONLY);
    yield { entry: entryOf({ ...seen, file: file.number }, type), body: content(file, { name: path, size: status.size }) };
  }
}

interface Packer {
  top: number;
  /** What the names begin with. */
  base: string;
  /** Prefix of overlayfs' attributes, where its marks mean something. */
  marks?: string;
  /** Of files with several names: inode → the first one. */
  firstNames: Map<string, string>;
}

const joined = (folder: string, name: string): string => (folder === "" ? name : name === "" ? folder : `${folder}/${name}`);

/** What is directly in a folder, then each folder in it: one descriptor is open at a time, however deep the tree. */
function* folder(packer: Packer, path: string): Generator<TreeMember> {
  const folders: string[] = [];
  {
    using fd = openFolder(packer, path);
    if (!fd) return;
    if (isMarked(packer, fd.number, { name: ".", mark: "opaque" })) yield emptyFile(joined(joined(packer.base, path), ".wh..wh..opq"));
    for (const { name, directory } of readFolder(fd.number).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      yield* member(packer, fd.number, { name, path: joined(joined(packer.base, path), name) });
      if (directory) folders.push(joined(path, name));
    }
  }
  for (const child of folders) yield* folder(packer, child);
}

const WITHIN = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;

/** Undefined where there is no such folder any more. */
function openFolder({ top }: Packer, path: string): Fd | undefined {
  const result = openInRoot(top, path || ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, WITHIN);
  if (path !== "" && (result === -ENOENT || result === -ENOTDIR || result === -ELOOP)) return undefined;
  return new Fd(check(result, `open ${path || "the folder"}`));
}

const isMarked = ({ marks }: Packer, at: number, { name, mark }: { name: string; mark: string }): boolean =>
  marks !== undefined && getXattr(pathIn(at, name), marks + mark)?.toString() === "y";

const emptyFile = (name: string): TreeMember => ({ entry: { name, type: "file", mode: 0o600, size: 0 } });

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
  /** In the archive. */
  path: string;
}

function* member(packer: Packer, at: number, { name, path }: Named): Generator<TreeMember> {
  const status = statAt(at, name);
  const type = types[(status?.mode ?? 0) & S_IFMT];
  // Sockets have no place in a tar; their servers make them anew.
  if (!status || !type) return;
  if (isWhiteout(packer, at, { name, status })) {
    yield emptyFile(`${path.slice(0, path.length - name.length)}.wh.${name}`);
    return;
  }
  if (type !== "file") {
    const entry = entryOf({ at, name, path, status }, type);
    yield type === "directory" ? { entry } : (linkTo(packer, { path, status }) ?? { entry });
    return;
  }
  using file = openRegular(at, name);
  if (!file) return;
  // Of the file that was opened: another one may have taken the name.
  const opened = statAt(file.number, "") ?? status;
  const link = linkTo(packer, { path, status: opened });
  if (link) {
    yield link;
    return;
  }
  const entry = entryOf({ at, name, path, status: opened, file: file.number }, type);
  yield { entry, body: content(file, { name, size: opened.size }) };
}

/** A hard link to the first name of a file with several ones; undefined at that first name. */
function linkTo({ firstNames }: Packer, { path, status }: { path: string; status: FileStatus }): TreeMember | undefined {
  if (status.links < 2) return undefined;
  const key = `${status.fileSystem} ${status.inode}`;
  const first = firstNames.get(key);
  if (first === undefined) {
    firstNames.set(key, path);
    return undefined;
  }
  return { entry: { name: path, type: "hardlink", linkName: first, mode: status.mode & 0o7777, mtime: status.mtime } };
}

interface Seen extends Named {
  at: number;
  status: FileStatus;
  /** Of a regular file. */
  file?: number;
}

function entryOf({ at, name, path, status, file }: Seen, type: TarType): TarInput {
  const entry: TarInput = {
    name: type === "directory" ? `${path}/` : path,
    type,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    mtime: status.mtime,
    size: type === "file" ? status.size : 0,
    // what is known by a descriptor without rights alone has none that could be asked for
    xattrs: name === "" && file === undefined ? NO_XATTRS : attributes(file ?? pathIn(at, name)),
  };
  if (type === "symlink") entry.linkName = readLinkAt(at, name) ?? "";
  if (type === "character" || type === "block") {
    entry.deviceMajor = status.deviceMajor;
    entry.deviceMinor = status.deviceMinor;
  }
  return entry;
}

function isWhiteout(packer: Packer, at: number, { name, status }: { name: string; status: FileStatus }): boolean {
  if (packer.marks === undefined) return false;
  const kind = status.mode & S_IFMT;
  if (kind === S_IFCHR) return status.deviceMajor === 0 && status.deviceMinor === 0;
  return kind === S_IFREG && status.size === 0 && isMarked(packer, at, { name, mark: "whiteout" });
}

function attributes(target: number | string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const key of listXattrs(target)) {
    if (/^(trusted|user)\.overlay\.(redirect|metacopy)$/.test(key)) throw foreignMark(key);
    // Labels of this host's policy are no part of an image, nor are overlayfs' own notes.
    if (key.startsWith("trusted.overlay.") || key.startsWith("user.overlay.") || key === "security.selinux") continue;
    const value = getXattr(target, key);
    if (value) found.set(key, Buffer.from(value));
  }
  return found;
}

/** The content or the place of such a file is in another layer (Documentation/filesystems/overlayfs.rst). */
const foreignMark = (key: string): HoyError =>
  new HoyError(`the layer has overlayfs' mark ${key}, which an image cannot hold`, {
    hint: "the kernel's overlay module was set to redirect_dir=on or metacopy=on: set it off and make the container anew",
  });

/** The regular file, open to be read; undefined where it is gone or is something else now, which to open could mean to wait or to act. */
function openRegular(at: number, name: string): Fd | undefined {
  const found = openInRoot(at, name, O_PATH | O_NOFOLLOW, 0, WITHIN);
  if (found === -ENOENT || found === -ELOOP) return undefined;
  using handle = new Fd(check(found, `open ${shown(name)}`));
  if (((statAt(handle.number, "")?.mode ?? 0) & S_IFMT) !== S_IFREG) return undefined;
  return open(handle.path, O_RDONLY);
}

const PIECE = 1 << 20;
let piece: Buffer | undefined;
let lent = false;

/** The first `size` bytes of a file, with zeros for what it has lost meanwhile. */
function* content(file: Fd, { name, size }: { name: string; size: number }): Generator<Uint8Array> {
  // One buffer for all files, as long as nobody else is reading one: to get new memory for each takes as long as to read.
  const shared = !lent;
  if (shared) piece ??= Buffer.allocUnsafeSlow(PIECE);
  const buffer = shared ? (piece as Buffer) : Buffer.allocUnsafeSlow(Math.min(size, PIECE));
  lent = true;
  try {
    for (let left = size; left > 0; ) {
      const wanted = Math.min(left, buffer.length);
      const got = sys(NR.read, file.number, buffer, wanted);
      if (got === -EINTR) continue;
      if (check(got, `read ${shown(name)}`) === 0) buffer.fill(0, 0, wanted);
      yield buffer.subarray(0, got || wanted);
      left -= got || wanted;
    }
  } finally {
    if (shared) lent = false;
  }
}
