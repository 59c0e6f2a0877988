/**
 * Sparse files: GNU's old format (flag S, map in header blocks), and its PAX formats 0.0, 0.1 and 1.0
 * (GNU tar manual, "Storing Sparse Files").
 */
import { corrupt, type Extent } from "./entry.ts";
import { parseNumber } from "./numbers.ts";
import type { PaxRecords } from "./pax.ts";

/** Most extents that are believed: the maps of hostile archives would eat memory. */
const MAX_EXTENTS = 1 << 17;

/** The offset and length pairs of an old-format map: 4 in the header (at 386), 21 in an extension block (at 0). */
export function readOldMap(block: Buffer, at: number, count: number, extents: Extent[], name: string): void {
  for (let i = 0; i < count; i++) {
    const entry = at + i * 24;
    if (block[entry] === 0 || block[entry + 12] === 0) return;
    extents.push({
      offset: parseNumber(block, entry, 12, "a sparse offset"),
      length: parseNumber(block, entry + 12, 12, "a sparse length"),
    });
    if (extents.length > MAX_EXTENTS) throw corrupt(name, "its sparse map is too long");
  }
}

function natural(text: string, name: string): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw corrupt(name, "its sparse map is malformed");
  return value;
}

function pairs(numbers: readonly string[], name: string): Extent[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * MAX_EXTENTS) throw corrupt(name, "its sparse map is malformed");
  const extents: Extent[] = [];
  for (let i = 0; i < numbers.length; i += 2)
    extents.push({ offset: natural(numbers[i] as string, name), length: natural(numbers[i + 1] as string, name) });
  return extents;
}

export interface PaxSparse {
  /** The file's real name, in formats 0.1 and 1.0. */
  name: string | undefined;
  size: number;
  /** Undefined in format 1.0, where the map comes first in the body. */
  extents: Extent[] | undefined;
}

/** The sparse file that a PAX header tells of, or undefined. */
export function paxSparse(records: PaxRecords, entryName: string): PaxSparse | undefined {
  const get = (key: string): string | undefined => records.findLast(([name]) => name === key)?.[1].toString("latin1");
  const one = get("GNU.sparse.major") === "1" && get("GNU.sparse.minor") === "0";
  const map = get("GNU.sparse.map");
  const listed = records.filter(([key]) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes");
  if (!one && map === undefined && listed.length === 0 && get("GNU.sparse.size") === undefined) return undefined;
  const size = get("GNU.sparse.realsize") ?? get("GNU.sparse.size");
  if (size === undefined) throw corrupt(entryName, "its sparse map has no size");
  const name = records.findLast(([key]) => key === "GNU.sparse.name")?.[1].toString();
  const numbers = map !== undefined ? (map === "" ? [] : map.split(",")) : listed.map(([, value]) => value.toString("latin1"));
  return { name, size: natural(size, entryName), extents: one ? undefined : pairs(numbers, entryName) };
}

/** Gathers the map of format 1.0 block by block from the head of the body. */
export function mapReader(name: string): (block: Buffer, at: number) => Extent[] | undefined {
  const numbers: string[] = [];
  let rest = "";
  let wanted: number | undefined;
  return (block, at) => {
    const parts = (rest + block.toString("latin1", at, at + 512)).split("\n");
    rest = parts.pop() as string;
    for (const part of parts) {
      if (wanted === undefined) {
        wanted = natural(part, name) * 2;
        if (wanted > 2 * MAX_EXTENTS) throw corrupt(name, "its sparse map is too long");
      } else if (numbers.length < wanted) numbers.push(part);
    }
    if (wanted === undefined && rest.length > 20) throw corrupt(name, "its sparse map is malformed");
    if (wanted !== undefined && numbers.length < wanted && rest.length > 512) throw corrupt(name, "its sparse map is malformed");
    return wanted !== undefined && numbers.length === wanted ? pairs(numbers, name) : undefined;
  };
}

/** Throws HoyError unless the extents are in order, apart, inside the file and hold as much as the archive does. */
export function validateExtents(extents: readonly Extent[], sizes: { logical: number; stored: number }, name: string): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of extents) {
    if (offset < end || length < 0 || offset + length > sizes.logical) throw corrupt(name, "its sparse map is out of bounds");
    end = offset + length;
    total += length;
  }
  if (total !== sizes.stored) throw corrupt(name, "its sparse map does not match its data");
}
