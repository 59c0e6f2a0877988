/** Rules of one kind (files, or everything else) → the automaton that AppArmor runs over a path or the bytes of a question. */
import type { Piece } from "./expression.ts";
import { Positions } from "./expression.ts";

export interface Rule {
  /** In the syntax of Positions.add. */
  expression: string;
  /** Permission bits; of a rule that denies, those that no other rule can give. */
  permissions: number;
  deny?: boolean;
  /** Denied without a line in the audit log; as all that are denied where it is absent. */
  quiet?: number;
}

export interface State {
  /** The state that each byte leads to, 256 numbers. State 0 is where nothing matches, 1 the first one. */
  next: Uint16Array;
  /** Words of the accept tables: what is allowed, and what is denied in silence. */
  allowed: number;
  quiet: number;
}

/** What of a permission word can be audited: seven bits for the owner, seven for others (apparmor_parser's PACK_AUDIT_CTL). */
const AUDITED = 0x1fc07f;

/** The automaton, its states by number. */
export function automaton(rules: readonly Rule[]): State[] {
  const positions = new Positions();
  const pieces = rules.map(({ expression }) => positions.add(expression));
  const ends = endsOf(pieces, positions.bytes.length);
  const start = pieces.flatMap(({ first }) => first);
  const { classes, samples } = byteClasses(positions);
  const states: State[] = [{ next: new Uint16Array(256), allowed: 0, quiet: 0 }];
  const numbers = new Map<string, number>([["", 0]]);
  const waiting: number[][] = [];
  /** The state in which these positions were reached. */
  const number = (reached: number[]): number => {
    const key = reached.join();
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const matched = new Set(reached.flatMap((position) => ends[position] ?? []));
    states.push({ next: new Uint16Array(256), ...permissions([...matched].map((rule) => rules[rule] as Rule)) });
    numbers.set(key, states.length - 1);
    waiting.push(reached);
    return states.length - 1;
  };
  // the first state is no position's, and never reached again
  numbers.set("start", 1);
  states.push({ next: new Uint16Array(256), ...permissions(rules.filter((_, rule) => pieces[rule]?.nullable)) });
  const lead = (state: number, candidates: number[]): void => {
    const targets = samples.map((byte) => number(candidates.filter((position) => positions.bytes[position]?.[byte])));
    for (let byte = 0; byte < 256; byte++) (states[state] as State).next[byte] = targets[classes[byte] as number] as number;
  };
  lead(1, unique(start));
  for (let state = 2; waiting.length > 0; state++) {
    const reached = waiting.shift() as number[];
    lead(state, unique(reached.flatMap((position) => [...(positions.follow[position] as Set<number>)])));
  }
  return states;
}

const unique = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort((a, b) => a - b);

/** The rules that a match may end in, by position. */
function endsOf(pieces: readonly Piece[], count: number): number[][] {
  const ends: number[][] = Array.from({ length: count }, () => []);
  for (const [rule, { last }] of pieces.entries()) for (const position of last) ends[position]?.push(rule);
  return ends;
}

/** Bytes that no position tells apart are one class: an example of each, and each byte's class. */
function byteClasses({ bytes }: Positions): { classes: Uint8Array; samples: number[] } {
  const known = new Map<string, number>();
  const samples: number[] = [];
  const classes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const key = bytes.map((set) => set[byte]).join("");
    if (!known.has(key)) known.set(key, samples.push(byte) - 1);
    classes[byte] = known.get(key) as number;
  }
  return { classes, samples };
}

function permissions(rules: readonly Rule[]): { allowed: number; quiet: number } {
  let [allow, deny, quiet] = [0, 0, 0];
  for (const rule of rules) {
    if (!rule.deny) allow |= rule.permissions;
    else {
      deny |= rule.permissions;
      quiet |= rule.quiet ?? rule.permissions;
    }
  }
  return { allowed: allow & ~deny, quiet: (quiet & deny & AUDITED) << 7 };
}
