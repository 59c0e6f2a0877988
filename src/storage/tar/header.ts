/** One header block of 512 bytes: ustar (POSIX.1), GNU, star and the old v7 form. */
import { decodeName } from "../../../ffi/names.ts";
import { corrupt } from "./entry.ts";
import { parseNumber } from "./numbers.ts";

export const BLOCK = 512;

export interface RawHeader {
  /** GNU uses the place of ustar's name prefix for sparse maps. */
  gnu: boolean;
  flag: string;
  name: string;
  linkName: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds. */
  mtime: number;
  userName: string;
  groupName: string;
  deviceMajor: number;
  deviceMinor: number;
}

/** A NUL-terminated text field. */
function text(block: Buffer, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return end === at ? "" : decodeName(block, at, end);
}

export function isZeroBlock(block: Buffer, at: number): boolean {
  for (let i = at; i < at + BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** Sum of all bytes with the checksum field taken as spaces; `signed` as very old writers did it. */
function sums(block: Buffer, at: number): { unsigned: number; signed: number } {
  let unsigned = 0;
  let high = 0;
  for (let i = at; i < at + BLOCK; i++) {
    const byte = block[i] as number;
    unsigned += byte;
    high += byte >> 7;
  }
  for (let i = at + 148; i < at + 156; i++) {
    const byte = block[i] as number;
    unsigned += 32 - byte;
    high -= byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

const word = (block: Buffer, at: number, expected: string): boolean => block.toString("latin1", at, at + expected.length) === expected;

/** Reads the header at `at`. Throws HoyError naming the member when the checksum or a number is wrong. */
export function parseHeader(block: Buffer, at: number): RawHeader {
  const name = text(block, at, 100);
  const stored = parseNumber(block, at + 148, 8, `the checksum in the header of ${JSON.stringify(name.toWellFormed())}`);
  const { unsigned, signed } = sums(block, at);
  if (stored !== unsigned && stored !== signed) throw corrupt(name, "its header has a wrong checksum");
  const gnu = word(block, at + 257, "ustar  \0");
  const ustar = word(block, at + 257, "ustar\0");
  const star = ustar && word(block, at + 508, "tar\0");
  const number = (offset: number, length: number, field: string): number => {
    try {
      return parseNumber(block, at + offset, length, field);
    } catch (error) {
      throw corrupt(name, (error as Error).message.replace("corrupt archive: ", ""));
    }
  };
  const flag = String.fromCharCode(block[at + 156] || 0x30);
  const device = flag === "3" || flag === "4";
  const size = number(124, 12, "its size");
  if (size < 0) throw corrupt(name, "its size is negative");
  const prefix = ustar ? text(block, at + 345, star ? 131 : 155) : "";
  return {
    gnu,
    flag,
    name: prefix ? `${prefix}/${name}` : name,
    linkName: text(block, at + 157, 100),
    mode: number(100, 8, "its mode") & 0o7777,
    uid: number(108, 8, "its uid"),
    gid: number(116, 8, "its gid"),
    size,
    mtime: number(136, 12, "its time"),
    userName: gnu || ustar ? text(block, at + 265, 32) : "",
    groupName: gnu || ustar ? text(block, at + 297, 32) : "",
    deviceMajor: device ? number(329, 8, "its device number") : 0,
    deviceMinor: device ? number(337, 8, "its device number") : 0,
  };
}

/** Fills in the checksum of a finished header block. */
export function writeChecksum(block: Buffer): void {
  block.write(`${sums(block, 0).unsigned.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
}
