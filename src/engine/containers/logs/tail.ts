/** Where the last entries of a log begin: its files are read from the end, block by block. */
import { fstatSync, readSync } from "node:fs";

const BLOCK = 64 << 10;
const NEWLINE = 0x0a;

/** Byte at which the last `entries` of the file begin, and how many of them it has. A last line that is still being written counts as none. */
export function tailOffset(fd: number, entries: number): { offset: number; found: number } {
  const buffer = new Uint8Array(BLOCK);
  let found = -1; // the newline at the very end closes the last entry, it begins none
  for (let end = fstatSync(fd).size; end > 0; ) {
    const start = Math.max(0, end - BLOCK);
    const length = readSync(fd, buffer, 0, end - start, start);
    for (
      let at = buffer.subarray(0, length).lastIndexOf(NEWLINE);
      at >= 0;
      at = at === 0 ? -1 : buffer.subarray(0, at).lastIndexOf(NEWLINE)
    ) {
      found++;
      if (found === entries) return { offset: start + at + 1, found };
    }
    end = start;
  }
  return { offset: 0, found: found + 1 };
}
