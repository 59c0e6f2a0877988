/** File descriptors that close themselves, and the calls on them that node:fs lacks. All descriptors are close-on-exec. */
import { check, EAGAIN, EINTR } from "./errno.ts";
import { addressOf, cstr, sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_APPEND = 0o2000;
export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

/** fcntl(2): a copy with the lowest free number from the argument on. */
export const F_DUPFD_CLOEXEC = 1030;

export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_IN_ROOT = 0x10;

/** An open descriptor; `using` closes it at the end of the scope. */
export class Fd implements Disposable {
  constructor(public readonly number: number) {}
  #open = true;

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    sys(NR.close, this.number);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A path that opens the same file again, whatever became of its name. */
  get path(): string {
    return `/proc/self/fd/${this.number}`;
  }
}

/** openat(2) below the folder `at`; O_CLOEXEC is added. Throws SysError `open PATH`. */
export const openAt = (at: number, path: string, flags: number, mode = 0): Fd =>
  new Fd(check(sys(NR.openat, at, cstr(path), flags | O_CLOEXEC, mode), `open ${path}`));

export const open = (path: string, flags: number, mode = 0): Fd => openAt(AT_FDCWD, path, flags, mode);

const how = new BigUint64Array(3);

/**
 * openat2(2): opens `path` as if the folder `root` were `/`, so that no link leads out of it. Magic links of procfs are refused.
 * Returns the descriptor's number, or the negated errno.
 */
export function openInRoot(root: number, path: string, flags: number, mode = 0, resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS): number {
  how[0] = BigInt(flags | O_CLOEXEC);
  how[1] = BigInt(mode);
  how[2] = BigInt(resolve);
  const name = cstr(path);
  for (let attempt = 1; ; attempt++) {
    const result = sys(NR.openat2, root, name, how, 24);
    // A rename anywhere in the system while `..` is walked: openat2(2) says to try again.
    if ((result !== -EAGAIN && result !== -EINTR) || attempt === 1000) return result;
  }
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** flock(2) exclusively, waiting for the holder. */
export function lockExclusive(fd: number): void {
  for (;;) {
    const result = sys(NR.flock, fd, LOCK_EX);
    if (result !== -EINTR) return void check(result, "lock file");
  }
}

/** flock(2) shared, waiting for an exclusive holder. */
export function lockShared(fd: number): void {
  for (;;) {
    const result = sys(NR.flock, fd, LOCK_SH);
    if (result !== -EINTR) return void check(result, "lock file");
  }
}

/** Tries to take the lock at once; false means that somebody alive holds it. */
export const tryLock = (fd: number): boolean => sys(NR.flock, fd, LOCK_EX | LOCK_NB) === 0;

/** Tries to take the lock shared, at once: those who only ask who holds it are not in each other's way. */
export const tryLockShared = (fd: number): boolean => sys(NR.flock, fd, LOCK_SH | LOCK_NB) === 0;

export const unlock = (fd: number): void => void sys(NR.flock, fd, LOCK_UN);

/** memfd_create(2) with content, for what must have no name on disk. */
export function memfd(name: string, content?: Uint8Array, flags = 1): Fd {
  const fd = new Fd(check(sys(NR.memfd_create, cstr(name), flags), `memfd_create ${name}`));
  if (content) writeAll(fd.number, content);
  return fd;
}

/** Writes all bytes to a blocking descriptor. */
export function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) {
    const written = sys(NR.write, fd, data.subarray(at) as NodeJS.TypedArray, data.length - at);
    if (written === -EINTR) continue;
    at += check(written, "write");
  }
}

/** A connected pair of close-on-exec stream sockets (AF_UNIX). */
export function socketPair(): [Fd, Fd] {
  const pair = new Int32Array(2);
  check(sys(NR.socketpair, 1, 1 | O_CLOEXEC, 0, pair), "socketpair");
  return [new Fd(pair[0] as number), new Fd(pair[1] as number)];
}

/** A close-on-exec pipe: [read end, write end]. */
export function pipe(): [Fd, Fd] {
  const pair = new Int32Array(2);
  check(sys(NR.pipe2, pair, O_CLOEXEC), "pipe");
  return [new Fd(pair[0] as number), new Fd(pair[1] as number)];
}

/** sendmsg(2) of `data` together with descriptors (SCM_RIGHTS, unix(7)), which the other side gets as its own. */
export function sendFds(socket: number, data: Uint8Array, fds: readonly Fd[]): void {
  const body = Buffer.from(data);
  const vector = new BigUint64Array([BigInt(addressOf(body)), BigInt(body.length)]);
  const size = 16 + 4 * fds.length;
  const control = new DataView(new ArrayBuffer((size + 7) & ~7));
  control.setBigUint64(0, BigInt(size), true);
  control.setInt32(8, 1, true);
  control.setInt32(12, 1, true);
  for (const [index, fd] of fds.entries()) control.setInt32(16 + 4 * index, fd.number, true);
  const bytes = new Uint8Array(control.buffer);
  const message = new BigUint64Array([0n, 0n, BigInt(addressOf(vector)), 1n, BigInt(addressOf(bytes)), BigInt(bytes.length), 0n]);
  check(sys(NR.sendmsg, socket, message, 0x4000), "send descriptors");
}

/** recvmsg(2) of up to `size` bytes with up to two descriptors. */
export function receiveFds(socket: number, size: number): { data: Buffer; fds: Fd[] } {
  const body = Buffer.alloc(size);
  const vector = new BigUint64Array([BigInt(addressOf(body)), BigInt(size)]);
  const control = new Uint8Array(24);
  const message = new BigUint64Array([0n, 0n, BigInt(addressOf(vector)), 1n, BigInt(addressOf(control)), 24n, 0n]);
  const got = check(sys(NR.recvmsg, socket, message, 0x40000000), "receive descriptors");
  const view = new DataView(control.buffer);
  const count = message[5] === 0n ? 0 : (Number(view.getBigUint64(0, true)) - 16) / 4;
  return { data: body.subarray(0, got), fds: Array.from({ length: count }, (_, index) => new Fd(view.getInt32(16 + 4 * index, true))) };
}
