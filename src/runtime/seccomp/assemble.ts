/**
 * Classic BPF for seccomp (Documentation/networking/filter.rst), written from its end to its beginning: every jump goes
 * forward, so its target is known, and so is whether the 8 bits of a conditional jump reach it.
 */

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const GO = 0x05; // BPF_JMP | BPF_JA
const RETURN = 0x06; // BPF_RET | BPF_K
const JUMPS = { eq: 0x15, gt: 0x25, ge: 0x35 } as const;

/** Instructions from the last to the first: [code, jump if true, jump if false, k]. */
export type Program = [code: number, jt: number, jf: number, k: number][];

/** An instruction by its index in the Program, or an action that ends the filter and needs no place of its own. */
export type Target = number | { action: number };

/** BPF_MAXINSNS. */
export const MAX_INSTRUCTIONS = 4096;

function push(program: Program, code: number, k: number, jt = 0, jf = 0): number {
  return program.push([code, jt, jf, k]) - 1;
}

/** How many instructions an instruction that is written next would have to skip. */
const distance = (program: Program, index: number): number => program.length - 1 - index;

/** Index of an instruction at most `limit` away that does what the target does, written if there is none. */
function within(program: Program, target: Target, limit: number): number {
  if (typeof target === "number") return distance(program, target) <= limit ? target : push(program, GO, distance(program, target));
  for (let index = program.length - 1; index >= 0 && distance(program, index) <= limit; index--) {
    const [code, , , k] = program[index] as Program[number];
    if (code === RETURN && k === target.action) return index;
  }
  return push(program, RETURN, target.action);
}

/** Makes the target the instruction that comes next in the program. */
function follow(program: Program, target: Target): void {
  within(program, target, 0);
}

/** Compares the accumulator with `k` (unsigned, 32 bits) and goes to `yes` or `no`. */
export function jump(program: Program, test: keyof typeof JUMPS, k: number, yes: Target, no: Target): number {
  // Reaching the second may cost an instruction more, which the first must still reach over.
  const first = within(program, yes, 254);
  const second = within(program, no, 255);
  return push(program, JUMPS[test], k, distance(program, first), distance(program, second));
}

/** Loads the word at a byte offset of struct seccomp_data into the accumulator, then goes on at `next`. */
export function load(program: Program, offset: number, next: Target): number {
  follow(program, next);
  return push(program, LOAD, offset);
}

/** Masks the accumulator, then goes on at `next`. */
export function and(program: Program, mask: number, next: Target): number {
  follow(program, next);
  return push(program, AND, mask);
}

/** The program as struct sock_filter[] that begins at `start`. */
export function assemble(program: Program, start: Target): Uint8Array {
  follow(program, start);
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [code, jt, jf, k] of program.toReversed()) {
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
    at += 8;
  }
  return bytes;
}
