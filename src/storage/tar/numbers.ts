/** The number fields of a tar header: octal text, or base-256 where the first byte has its top bit set (GNU tar, star). */
import { corrupt } from "./entry.ts";

const SPACE = 0x20;

/** The field's value. Throws HoyError for anything but digits, and for numbers that JavaScript cannot hold. */
export function parseNumber(block: Buffer, at: number, length: number, field: string): number {
  return (block[at] as number) & 0x80 ? parseBinary(block, at, length, field) : parseOctal(block, at, length, field);
}

function parseOctal(block: Buffer, at: number, length: number, field: string): number {
  let from = at;
  let to = at + length;
  while (from < to && (block[from] === SPACE || block[from] === 0)) from++;
  while (to > from && (block[to - 1] === SPACE || block[to - 1] === 0)) to--;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = (block[i] as number) - 0x30;
    if (digit < 0 || digit > 7) {
      // Some old writers leave bytes after the NUL that ends the number.
      if (block[i] === 0) break;
      throw corrupt("", `${field} is no number`);
    }
    value = value * 8 + digit;
  }
  return value;
}

function parseBinary(block: Buffer, at: number, length: number, field: string): number {
  const negative = ((block[at] as number) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (let i = 0; i < length; i++) {
    let byte = block[at + i] as number;
    if (i === 0) byte = negative ? byte | 0x80 : byte & 0x7f;
    value = (value << 8n) | BigInt(byte);
  }
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) throw corrupt("", `${field} is too large`);
  return Number(value);
}

/** Largest number that fits the octal field (one byte ends it). */
export const octalLimit = (length: number): number => 8 ** (length - 1) - 1;

/** Writes octal text with leading zeros and a final NUL. */
export function writeOctal(block: Buffer, at: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, "0"), at, length - 1, "latin1");
}
