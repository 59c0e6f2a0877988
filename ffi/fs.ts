/**
 * The synchronous calls of node:fs that hoy makes on its way, by their names there, on system calls: to load node:fs costs every
 * command two milliseconds. What waits in the background (streams, `read` with a callback) is node:fs's own: `nodeFs()`.
 */
import { makeDevice, readFolder, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "./at.ts";
import { EEXIST, EINTR, EINVAL, EISDIR, ENAMETOOLONG, ENOENT, errnoWords, SysError } from "./errno.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from "./fd.ts";
import { cstr, sys } from "./libc.ts";
import { decodeName } from "./names.ts";
import { NR } from "./syscalls.ts";

/** A call that failed, with the members of node:fs's errors: `syscall` and `path`. */
export class FileError extends SysError {
  constructor(
    readonly syscall: string,
    readonly path: string,
    errno: number,
  ) {
    super(path === "" ? syscall : `${syscall} ${path}`, errno);
  }

  /** Why, without what was done. */
  get reason(): string {
    return errnoWords(this.errno);
  }
}

const LONGEST_PATH = 4096;

/** The path for a system call. */
function named(syscall: string, path: string): number {
  if (path.includes("\0")) throw new FileError(syscall, path, EINVAL);
  if (path.length > LONGEST_PATH) throw new FileError(syscall, path, ENAMETOOLONG);
  return cstr(path);
}

function sure(result: number, syscall: string, path: string): number {
  if (result < 0) throw new FileError(syscall, path, -result);
  return result;
}

const O_TRUNC = 0o1000;
const FLAGS = {
  r: O_RDONLY,
  "r+": O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  wx: O_WRONLY | O_CREAT | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND,
} as const;

/** openat(2), close-on-exec; returns the descriptor. */
export function openSync(path: string, flags: keyof typeof FLAGS | number, mode = 0o666): number {
  const word = typeof flags === "number" ? flags : FLAGS[flags];
  for (;;) {
    const fd = sys(NR.openat, AT_FDCWD, named("open", path), word | O_CLOEXEC, mode);
    if (fd !== -EINTR) return sure(fd, "open", path);
  }
}

export const closeSync = (fd: number): void => void sys(NR.close, fd);

/** Up to `length` bytes into `buffer` from `offset` on, from where the descriptor stands; returns how many, 0 at the end. */
export function readSync(fd: number, buffer: Uint8Array, offset: number, length: number, path = ""): number {
  for (;;) {
    const got = sys(NR.read, fd, buffer.subarray(offset, offset + length) as NodeJS.TypedArray, length);
    if (got !== -EINTR) return sure(got, "read", path);
  }
}

/** Writes what the descriptor takes of `data[offset, offset + length)`, at `position` of the file if given; returns how many bytes. */
export function writeSync(
  fd: number,
  data: Uint8Array | string,
  offset = 0,
  length = data.length - offset,
  position?: number,
  path = "",
): number {
  const bytes = typeof data === "string" ? Buffer.from(data) : (data.subarray(offset, offset + length) as NodeJS.TypedArray);
  const size = typeof data === "string" ? bytes.length : length;
  const result = position === undefined ? sys(NR.write, fd, bytes, size) : sys(NR.pwrite64, fd, bytes, size, position);
  return sure(result, "write", path);
}

const SOME = 1 << 14;
let some: Buffer | undefined;

/** The whole file: text with an encoding, else bytes. */
export function readFileSync(path: string): Buffer;
export function readFileSync(path: string, encoding: BufferEncoding): string;
export function readFileSync(path: string, encoding?: BufferEncoding): Buffer | string {
  const fd = openSync(path, "r");
  try {
    some ??= Buffer.allocUnsafeSlow(SOME);
    let content = some;
    let length = 0;
    for (;;) {
      const got = readSync(fd, content, length, content.length - length, path);
      if (got === 0) break;
      length += got;
      if (length < content.length) continue;
      const larger = Buffer.allocUnsafeSlow(content.length * 4);
      content.copy(larger);
      content = larger;
    }
    return encoding === undefined ? Buffer.from(content.subarray(0, length)) : content.toString(encoding, 0, length);
  } finally {
    closeSync(fd);
  }
}

function put(path: string, data: Uint8Array | string, flags: keyof typeof FLAGS, mode: number): void {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const fd = openSync(path, flags, mode);
  try {
    for (let at = 0; at < bytes.length; ) {
      const written = sys(NR.write, fd, bytes.subarray(at) as NodeJS.TypedArray, bytes.length - at);
      if (written !== -EINTR) at += sure(written, "write", path);
    }
  } finally {
    closeSync(fd);
  }
}

export const writeFileSync = (path: string, data: Uint8Array | string, { mode = 0o666 } = {}): void => put(path, data, "w", mode);
export const appendFileSync = (path: string, data: Uint8Array | string, { mode = 0o666 } = {}): void => put(path, data, "a", mode);

export const existsSync = (path: string): boolean =>
  !path.includes("\0") && path.length <= LONGEST_PATH && sys(NR.faccessat, AT_FDCWD, cstr(path), 0) === 0;

/** What statx(2) says of a file. */
export class Stats {
  constructor(
    readonly mode: number,
    readonly nlink: number,
    readonly uid: number,
    readonly gid: number,
    readonly size: number,
    readonly ino: number,
    readonly mtimeMs: number,
    /** Of a device node. */
    readonly rdev: number,
    /** Of the file system. */
    readonly dev: number,
  ) {}

  isFile = (): boolean => (this.mode & S_IFMT) === S_IFREG;
  isDirectory = (): boolean => (this.mode & S_IFMT) === S_IFDIR;
  isSymbolicLink = (): boolean => (this.mode & S_IFMT) === S_IFLNK;
  isCharacterDevice = (): boolean => (this.mode & S_IFMT) === S_IFCHR;
  isFIFO = (): boolean => (this.mode & S_IFMT) === S_IFIFO;
}

const STATX_BASIC_STATS = 0x7ff;
const status = Buffer.alloc(256);

/** 64 bits as a double: exact up to 2^53. */
const long = (at: number): number => status.readUInt32LE(at) + status.readUInt32LE(at + 4) * 4294967296;

const stats = (): Stats =>
  new Stats(
    status.readUInt16LE(28),
    status.readUInt32LE(16),
    status.readUInt32LE(20),
    status.readUInt32LE(24),
    long(40),
    long(32),
    long(112) * 1000 + status.readUInt32LE(120) / 1e6,
    makeDevice(status.readUInt32LE(128), status.readUInt32LE(132)),
    makeDevice(status.readUInt32LE(136), status.readUInt32LE(140)),
  );

interface StatOptions {
  /** False: undefined in place of an error where there is no such file. */
  throwIfNoEntry?: boolean;
}

function statOf(syscall: "stat" | "lstat", path: string, { throwIfNoEntry = true }: StatOptions): Stats | undefined {
  const flags = syscall === "lstat" ? AT_SYMLINK_NOFOLLOW : 0;
  const result = sys(NR.statx, AT_FDCWD, named(syscall, path), flags, STATX_BASIC_STATS, status);
  if (result === -ENOENT && !throwIfNoEntry) return undefined;
  sure(result, syscall, path);
  return stats();
}

export function statSync(path: string, options?: { throwIfNoEntry?: true }): Stats;
export function statSync(path: string, options: StatOptions): Stats | undefined;
export function statSync(path: string, options: StatOptions = {}): Stats | undefined {
  return statOf("stat", path, options);
}

/** Of a symbolic link itself. */
export function lstatSync(path: string, options?: { throwIfNoEntry?: true }): Stats;
export function lstatSync(path: string, options: StatOptions): Stats | undefined;
export function lstatSync(path: string, options: StatOptions = {}): Stats | undefined {
  return statOf("lstat", path, options);
}

export function fstatSync(fd: number): Stats {
  sure(sys(NR.statx, fd, cstr(""), AT_EMPTY_PATH, STATX_BASIC_STATS, status), "fstat", "");
  return stats();
}

/** Of a file system: its magic number, and sizes in blocks of `bsize` bytes. */
export function statfsSync(path: string): { type: number; bsize: number; blocks: number; bavail: number } {
  sure(sys(NR.statfs, named("statfs", path), status), "statfs", path);
  return { type: long(0), bsize: long(8), blocks: long(16), bavail: long(32) };
}

/** Names in the folder, without `.` and `..`, in the file system's order. */
export const readdirSync = (path: string): string[] => entriesOf(path).map(({ name }) => name);

/** The folders among them. */
export const foldersIn = (path: string): string[] => entriesOf(path).flatMap(({ name, directory }) => (directory ? [name] : []));

function entriesOf(path: string) {
  const fd = sure(sys(NR.openat, AT_FDCWD, named("scandir", path), O_CLOEXEC), "scandir", path);
  try {
    return readFolder(fd);
  } catch (error) {
    throw error instanceof SysError ? new FileError("scandir", path, error.errno) : error;
  } finally {
    closeSync(fd);
  }
}

/** mkdirat(2); `recursive` makes the folders above, too, and takes a folder that is there already. */
export function mkdirSync(path: string, { recursive = false, mode = 0o777 } = {}): void {
  const result = sys(NR.mkdirat, AT_FDCWD, named("mkdir", path), mode);
  if (result >= 0) return;
  if (recursive && result === -EEXIST && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const above = path.slice(0, path.lastIndexOf("/"));
  if (!recursive || result !== -ENOENT || above === "") throw new FileError("mkdir", path, -result);
  mkdirSync(above, { recursive, mode });
  mkdirSync(path, { recursive, mode });
}

/** Unlinks a file; with `force` it may be missing, with `recursive` be a folder: one of hoy's own, as paths are walked by name. */
export function rmSync(path: string, { force = false, recursive = false } = {}): void {
  const result = sys(NR.unlinkat, AT_FDCWD, named("unlink", path), 0);
  if (result === -ENOENT && force) return;
  if (result !== -EISDIR || !recursive) return void sure(result, "unlink", path);
  for (const name of readdirSync(path)) rmSync(`${path}/${name}`, { force, recursive });
  rmdirSync(path);
}

export function rmdirSync(path: string): void {
  sure(sys(NR.unlinkat, AT_FDCWD, named("rmdir", path), AT_REMOVEDIR), "rmdir", path);
}

export function renameSync(from: string, to: string): void {
  sure(sys(NR.renameat, AT_FDCWD, named("rename", from), AT_FDCWD, named("rename", to)), "rename", from);
}

export function symlinkSync(target: string, path: string): void {
  sure(sys(NR.symlinkat, named("symlink", target), AT_FDCWD, named("symlink", path)), "symlink", path);
}

const link = Buffer.alloc(LONGEST_PATH + 1);

export function readlinkSync(path: string): string {
  return decodeName(link, 0, sure(sys(NR.readlinkat, AT_FDCWD, named("readlink", path), link, link.length), "readlink", path));
}

/** The path without links, `.` and `..`. */
export function realpathSync(path: string): string {
  const fd = sure(sys(NR.openat, AT_FDCWD, named("realpath", path), O_PATH | O_CLOEXEC), "realpath", path);
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

export function chmodSync(path: string, mode: number): void {
  sure(sys(NR.fchmodat, AT_FDCWD, named("chmod", path), mode), "chmod", path);
}

export function chownSync(path: string, uid: number, gid: number): void {
  sure(sys(NR.fchownat, AT_FDCWD, named("chown", path), uid, gid, 0), "chown", path);
}

export function ftruncateSync(fd: number, size: number): void {
  sure(sys(NR.ftruncate, fd, size), "ftruncate", "");
}

/** node:fs itself, loaded at the first question. */
export const nodeFs = (): typeof import("node:fs") => require("node:fs");
