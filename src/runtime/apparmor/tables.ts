/**
 * An automaton in the kernel's form: a set of big-endian tables in which the rows of all states lie over one another (Linux
 * security/apparmor/match.c and include/match.h; the layout is flex's).
 */
import type { State } from "./automaton.ts";

const MAGIC = 0x1b5e783d;
const HEADER = 24;
const TABLE_HEADER = 12;
/** Numbers of the tables as written, one above the kernel's. */
const Table = { accept: 1, base: 2, check: 3, default: 4, accept2: 7, next: 8 } as const;
const align = (size: number): number => (size + 7) & ~7;

export function encodeAutomaton(states: readonly State[]): Buffer {
  const { base, defaults, next, check } = overlay(states);
  const tables = [
    table(
      Table.accept,
      4,
      states.map(({ allowed }) => allowed),
    ),
    table(
      Table.accept2,
      4,
      states.map(({ quiet }) => quiet),
    ),
    table(Table.base, 4, base),
    table(Table.default, 2, defaults),
    table(Table.next, 2, next),
    table(Table.check, 2, check),
  ];
  const size = HEADER + tables.reduce((sum, { length }) => sum + length, 0);
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(HEADER, 4);
  header.writeUInt32BE(size, 8);
  header.write("notflex", 14);
  return Buffer.concat([header, ...tables]);
}

function table(id: number, width: 2 | 4, values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(align(TABLE_HEADER + width * values.length));
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(width, 2);
  bytes.writeUInt32BE(values.length, 8);
  for (const [index, value] of values.entries()) bytes.writeUIntBE(value >>> 0, TABLE_HEADER + width * index, width);
  return bytes;
}

/** Each state has a row of 256 cells from its base on; a cell counts where `check` has the state's number, else its default does. */
function overlay(states: readonly State[]): { base: number[]; defaults: number[]; next: number[]; check: number[] } {
  const next: number[] = [];
  const check: number[] = [];
  const base: number[] = [];
  const defaults = states.map(({ next: row }) => mostFrequent(row));
  for (const [state, { next: row }] of states.entries()) {
    const own = [...row.keys()].filter((byte) => row[byte] !== defaults[state]);
    let at = 0;
    while (own.some((byte) => check[at + byte] !== undefined)) at++;
    base.push(at);
    for (const byte of own) {
      next[at + byte] = row[byte] as number;
      check[at + byte] = state;
    }
  }
  const length = Math.max(...base) + 256;
  const filled = (cells: number[]): number[] => Array.from({ length }, (_, index) => cells[index] ?? 0);
  return { base, defaults, next: filled(next), check: filled(check) };
}

function mostFrequent(row: Uint16Array): number {
  const counts = new Map<number, number>();
  for (const target of row) counts.set(target, (counts.get(target) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}
