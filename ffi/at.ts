/** System calls on a name below an open folder: no path string in between, so no link on the way can be swapped. */

import { check, EINTR, ENOENT, SysError } from "./errno.ts";
import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "./fd.ts";
import { cstr, sys } from "./libc.ts";
import { decodeName } from "./names.ts";
import { NR } from "./syscalls.ts";

export const S_IFMT = 0o170000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

/** The kernel's 32-bit form of a device number (makedev(3)). */
export const makeDevice = (major: number, minor: number): number =>
  ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;

/** The calls below return 0, or the negated errno. */
export const mkdirAt = (at: number, name: string, mode: number): number => sys(NR.mkdirat, at, cstr(name), mode);
export const mknodAt = (at: number, name: string, mode: number, device: number): number => sys(NR.mknodat, at, cstr(name), mode, device);
export const unlinkAt = (at: number, name: string, flags = 0): number => sys(NR.unlinkat, at, cstr(name), flags);
export const symlinkAt = (target: string, at: number, name: string): number => sys(NR.symlinkat, cstr(target), at, cstr(name));
export const renameAt = (from: number, name: string, to: number, newName: string): number =>
  sys(NR.renameat, from, cstr(name), to, cstr(newName));
export const chmodAt = (at: number, name: string, mode: number): number => sys(NR.fchmodat, at, cstr(name), mode);
export const chownAt = (at: number, name: string, uid: number, gid: number): number =>
  sys(NR.fchownat, at, cstr(name), uid, gid, AT_SYMLINK_NOFOLLOW);

/** linkat(2) that makes a hard link of a symbolic link itself, not of what it points to. */
export const linkAt = (from: number, name: string, to: number, newName: string): number =>
  sys(NR.linkat, from, cstr(name), to, cstr(newName), 0);

const times = new BigInt64Array(4);
const SECOND = 1_000_000_000n;

function fillTime(index: number, ns: bigint): void {
  let seconds = ns / SECOND;
  let rest = ns % SECOND;
  if (rest < 0n) {
    rest += SECOND;
    seconds -= 1n;
  }
  times[index] = seconds;
  times[index + 1] = rest;
}

/** Sets access and modification time (ns since the epoch) of a name, no link followed, or of the descriptor itself without one. */
export function setTimes(at: number, name: string | undefined, atime: bigint, mtime: bigint): number {
  fillTime(0, atime);
  fillTime(2, mtime);
  return name === undefined ? sys(NR.utimensat, at, 0, times, 0) : sys(NR.utimensat, at, cstr(name), times, AT_SYMLINK_NOFOLLOW);
}

const linkBuffer = Buffer.alloc(4097);

/** The target of a symbolic link; undefined when `name` is something else or missing. */
export function readLinkAt(at: number, name: string): string | undefined {
  const length = sys(NR.readlinkat, at, cstr(name), linkBuffer, 4097);
  return length < 0 ? undefined : decodeName(linkBuffer, 0, length);
}

export interface FileStatus {
  /** Type and permission bits. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Nanoseconds since the epoch. */
  mtime: bigint;
  atime: bigint;
  links: number;
  inode: bigint;
  /** `major:minor` of the file system. */
  fileSystem: string;
  /** Numbers of a device node. */
  deviceMajor: number;
  deviceMinor: number;
  /** Blocks of 512 bytes that are really taken. */
  blocks: number;
}

const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const statBuffer = Buffer.alloc(256);

/** statx(2) of `name` below `at`, no link followed; of `at` itself for an empty name. Undefined when it is missing. Throws SysError. */
export function statAt(at: number, name: string): FileStatus | undefined {
  const result = sys(NR.statx, at, cstr(name), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer);
  if (result === -ENOENT) return undefined;
  check(result, `stat ${name}`);
  const b = statBuffer;
  return {
    links: b.readUInt32LE(16),
    uid: b.readUInt32LE(20),
    gid: b.readUInt32LE(24),
    mode: b.readUInt16LE(28),
    inode: b.readBigUInt64LE(32),
    size: Number(b.readBigUInt64LE(40)),
    blocks: Number(b.readBigUInt64LE(48)),
    atime: b.readBigInt64LE(64) * SECOND + BigInt(b.readUInt32LE(72)),
    mtime: b.readBigInt64LE(112) * SECOND + BigInt(b.readUInt32LE(120)),
    deviceMajor: b.readUInt32LE(128),
    deviceMinor: b.readUInt32LE(132),
    fileSystem: `${b.readUInt32LE(136)}:${b.readUInt32LE(140)}`,
  };
}

const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** True when something is mounted on `name` in the mount namespace that the open folder `at` belongs to (statx(2), Linux 5.8). */
export function isMountpoint(at: number, name: string): boolean {
  if (sys(NR.statx, at, cstr(name), AT_SYMLINK_NOFOLLOW, 0, statBuffer) !== 0) return false;
  return (statBuffer.readUInt32LE(8) & STATX_ATTR_MOUNT_ROOT) !== 0;
}

const DT_DIR = 4;
const DT_UNKNOWN = 0;

export interface FolderEntry {
  name: string;
  directory: boolean;
}

/** All names in the open folder `fd` but `.` and `..`, in the file system's order. Throws SysError. */
export function readFolder(fd: number): FolderEntry[] {
  const entries: FolderEntry[] = [];
  const buffer = Buffer.allocUnsafe(1 << 16);
  check(sys(NR.lseek, fd, 0, 0), "rewind folder");
  for (;;) {
    const filled = sys(NR.getdents64, fd, buffer, buffer.length);
    if (filled === -EINTR) continue;
    if (check(filled, "read folder") === 0) return entries;
    for (let at = 0; at < filled; at += buffer.readUInt16LE(at + 16)) {
      const name = decodeName(buffer, at + 19, buffer.indexOf(0, at + 19));
      if (name === "." || name === "..") continue;
      const type = buffer[at + 18];
      const directory = type === DT_UNKNOWN ? ((statAt(fd, name)?.mode ?? 0) & S_IFMT) === S_IFDIR : type === DT_DIR;
      entries.push({ name, directory });
    }
  }
}

/** Opens the folder `name` below `at` for reading; a symbolic link is refused. Throws SysError. */
export const openFolderAt = (at: number, name: string) => openAt(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

/** Removes the empty folder `name`. Returns 0 or the negated errno. */
export const rmdirAt = (at: number, name: string): number => unlinkAt(at, name, AT_REMOVEDIR);

/** True when `error` is a failed system call with one of these numbers. */
export const isErrno = (error: unknown, ...numbers: number[]): error is SysError =>
  error instanceof SysError && numbers.includes(error.errno);
