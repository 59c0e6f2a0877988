/**
 * A file of zeros in the store, of which parts are given up when the disk is full: without some space SQLite can neither open the
 * database nor write to it, and nobody could remove anything. It takes its size back out of what becomes free.
 */

import { join } from "node:path";
import { O_CREAT, O_RDWR } from "../../ffi/fd.ts";
import { closeSync, ftruncateSync, openSync, rmSync, statfsSync, statSync, writeSync } from "../../ffi/fs.ts";

/** Its size, but on a small file system no more than a sixteenth of that. */
const BYTES = 1 << 20;
/** What a command is given: an index of 32 KB for the write-ahead log, and room for the changes. */
const NEEDED = 256 << 10;

const file = (root: string): string => join(root, "reserve");

const sizeOf = (root: string): number => statSync(file(root), { throwIfNoEntry: false })?.size ?? 0;

/** Bytes of the file system, and those that this user may still write there. */
function space(root: string): { total: number; free: number } {
  const { blocks, bavail, bsize } = statfsSync(root);
  return { total: blocks * bsize, free: bavail * bsize };
}

export const isFull = (root: string): boolean => space(root).free < NEEDED;

/** Makes it, or what is missing of it, out of space that nobody needs for a removal. */
export function keepReserve(root: string): void {
  const size = sizeOf(root);
  if (size >= BYTES) return;
  const { total, free } = space(root);
  const wanted = Math.min(BYTES, Math.floor(total / 16), size + free - 2 * NEEDED);
  if (wanted - size < NEEDED / 4) return;
  try {
    using reserve = openReserve(root);
    writeSync(reserve.fd, new Uint8Array(wanted - size), 0, wanted - size, size);
  } catch {
    // a quota, or others were faster: the next command tries again
  }
}

/** Gives up as much of it as a command needs. False when nothing was left to give. */
export function giveUpReserve(root: string): boolean {
  const size = sizeOf(root);
  if (size === 0) return false;
  const rest = size - Math.max(NEEDED - space(root).free, 0);
  try {
    using reserve = openReserve(root);
    ftruncateSync(reserve.fd, Math.max(rest, 0));
  } catch {
    rmSync(file(root), { force: true }); // where not even this may be written
  }
  return true;
}

function openReserve(root: string): Disposable & { fd: number } {
  const fd = openSync(file(root), O_RDWR | O_CREAT, 0o600);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}
