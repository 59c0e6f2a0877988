/**
 * A file of zeros in the store that is given up when the disk is full: without some space SQLite cannot even open the database, and
 * nobody could remove anything.
 */
import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BYTES = 1 << 20;
/** With less than this it is not made: the space is somebody else's. */
const PLENTY = 64 << 20;

const file = (root: string): string => join(root, "reserve");

/** Bytes that this user may still write at `path`. */
function free(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Makes it where it is missing and there is space. */
export function keepReserve(root: string): void {
  if (existsSync(file(root)) || free(root) < PLENTY) return;
  try {
    writeFileSync(file(root), new Uint8Array(BYTES), { mode: 0o600 });
  } catch {
    rmSync(file(root), { force: true }); // a quota, or others were faster: the next command tries again
  }
}

export const isFull = (root: string): boolean => free(root) < BYTES / 2;

/** Gives it up; false when there is none. */
export function giveUpReserve(root: string): boolean {
  if (!existsSync(file(root))) return false;
  rmSync(file(root), { force: true });
  return true;
}
