/** The kernel's side of a policy: its automata as match.c reads and runs them. */

/** Tables by the kernel's number plus one, as tables.ts writes them. */
export type Automaton = Readonly<Record<number, readonly number[]>>;

const [ACCEPT, BASE, CHECK, DEFAULT, CLASSES, ACCEPT2, NEXT] = [1, 2, 3, 4, 5, 7, 8] as const;
const MAGIC = Buffer.from("1b5e783d", "hex");
const DIFFERENCE = 0x80000000;
export const START = 1;

/** The automata of a policy: that of all else, then that of files. */
export function automataOf(policy: Buffer): [others: Automaton, files: Automaton] {
  const found: Automaton[] = [];
  for (let at = policy.indexOf(MAGIC); at >= 0; at = policy.indexOf(MAGIC, at + 4)) {
    if (at % 8 !== 0) throw new Error(`an automaton begins at ${at}, which is no multiple of eight`);
    found.push(readTables(policy.subarray(at)));
  }
  if (found.length !== 2) throw new Error(`${found.length} automata`);
  return found as [Automaton, Automaton];
}

function readTables(bytes: Buffer): Automaton {
  const tables: Record<number, number[]> = {};
  const size = bytes.readUInt32BE(8);
  for (let at = bytes.readUInt32BE(4); at < size; ) {
    const [id, width, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2), bytes.readUInt32BE(at + 8)];
    tables[id] = Array.from({ length }, (_, index) => bytes.readUIntBE(at + 12 + width * index, width));
    at += (12 + width * length + 7) & ~7;
  }
  return tables;
}

/** What verify_dfa of match.c wants: each number in its bounds. */
export function isSound(tables: Automaton): boolean {
  const count = at(tables, BASE).length;
  const cells = at(tables, NEXT).length;
  return (
    [ACCEPT, ACCEPT2, DEFAULT].every((id) => at(tables, id).length === count) &&
    at(tables, CHECK).length === cells &&
    at(tables, BASE).every((base) => (base & 0xffffff) + 255 < cells) &&
    [DEFAULT, NEXT, CHECK].every((id) => at(tables, id).every((state) => state < count))
  );
}

const at = (tables: Automaton, id: number): readonly number[] => tables[id] ?? [];

/** The state after one byte more (match_char of match.c). */
export function step(tables: Automaton, state: number, byte: number): number {
  const column = tables[CLASSES]?.[byte] ?? byte;
  for (let current = state; ; ) {
    const base = at(tables, BASE)[current] as number;
    const cell = (base & 0xffffff) + column;
    if (at(tables, CHECK)[cell] === current) return at(tables, NEXT)[cell] as number;
    current = at(tables, DEFAULT)[current] as number;
    if (!(base & DIFFERENCE)) return current;
  }
}

/** What is allowed, and what is denied in silence. */
export const permissions = (tables: Automaton, state: number): [allowed: number, quiet: number] => [
  at(tables, ACCEPT)[state] as number,
  at(tables, ACCEPT2)[state] as number,
];

export const match = (tables: Automaton, text: string): [allowed: number, quiet: number] =>
  permissions(
    tables,
    [...Buffer.from(text, "latin1")].reduce((state, byte) => step(tables, state, byte), START),
  );
