/**
 * The entry points of libc that hoy calls, and the raw system call with the kernel's own convention for errors.
 * Only the main thread of JavaScript calls these; whatever must happen after a clone is played by the player.
 */
import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { encodeName } from "./names.ts";

/** A machine on which libc cannot be called: no defect of ours. */
class LibcError extends Error {
  override name = "LibcError";
}

/**
 * The libc that this process runs with, by the one name that can never mean a file: glibc has it loaded already, and musl takes every
 * `libc.` for itself (dynlink.c, load_library). Bun would look for a library that cannot be loaded in the working directory, too.
 */
const LIBC = "libc.so.6";

function load() {
  try {
    return dlopen(LIBC, {
      // as pointers, Bun takes numbers and the memory of typed arrays alike, with no code of JavaScript in between
      syscall: { args: ["i64", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: FFIType.i64_fast },
      __errno_location: { args: [], returns: "ptr" },
      posix_spawn: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
      posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
      posix_spawn_file_actions_adddup2: { args: ["ptr", "i32", "i32"], returns: "i32" },
    }).symbols;
  } catch (error) {
    const why = (error as Error).message;
    // JavaScriptCore does without its compiler where it cannot reserve the addresses for it.
    if (/requires the JIT/.test(why)) throw new LibcError("not enough address space for the compiler (ulimit -v has to be 3 GiB or more)");
    throw new LibcError(`cannot load ${LIBC}: ${why}`);
  }
}

export const libc = load();

/** An argument of a system call: a number (from -2^31), or memory whose address is passed. */
export type SysArg = number | NodeJS.TypedArray;

const syscall = libc.syscall as unknown as (nr: number, ...args: SysArg[]) => number;

/**
 * One system call, as the kernel answers it: the result, or the negated errno (-1 to -4095).
 * Memory passed must stay referenced by the caller until the call returns.
 */
export function sys(nr: number, a: SysArg = 0, b: SysArg = 0, c: SysArg = 0, d: SysArg = 0, e: SysArg = 0, f: SysArg = 0): number {
  const result = syscall(nr, a, b, c, d, e, f);
  return result === -1 ? -read.i32(libc.__errno_location() as never, 0) : result;
}

/** The address of a buffer, to store inside another one. The buffer must outlive its use. */
export const addressOf = (memory: NodeJS.TypedArray): number => ptr(memory) as number;

const SCRATCH = 1 << 16;
const scratch = Buffer.alloc(SCRATCH);
const base = ptr(scratch) as number;
let next = 0;

/**
 * Address of a NUL-terminated copy of `text` (UTF-8) in a ring of 64 KiB: valid for the next call, not for keeping.
 * Bytes of a name that are no UTF-8 come back as they were (names.ts).
 * Throws a RangeError for a text with a NUL inside, which would silently name another file.
 */
export function cstr(text: string): number {
  if (text.includes("\0")) throw new RangeError("a path or name with a NUL byte inside is refused");
  const escaped = text.isWellFormed() ? undefined : encodeName(text);
  const size = (escaped?.length ?? Buffer.byteLength(text)) + 1;
  if (size > SCRATCH) throw new RangeError(`a text of ${size} bytes is too long for a system call`);
  if (next + size > SCRATCH) next = 0;
  const at = next;
  if (escaped) escaped.copy(scratch, at);
  else scratch.write(text, at, "utf8");
  scratch[at + size - 1] = 0;
  next = (at + size + 7) & ~7;
  return base + at;
}
