/** The kernel's lists of CPUs and memory nodes, `0-2,4` (cpuset(7), "List format"), and masks of bits of the same. */
import { HoyError } from "../spec/error.ts";

const LARGEST = 8191;

/** The numbers in their order. Throws a HoyError that begins with `what`. */
export function parseNumberList(text: string, what: string): number[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean)
    .flatMap((part) => {
      const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
      const [from, to] = [Number(first), Number(last)];
      if (!(from <= to && to <= LARGEST)) throw new HoyError(`${what}: ${JSON.stringify(text)} is not a list of numbers`, { status: 400 });
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });
}

/** Bits in whole 64-bit words. */
export function bitMask(numbers: readonly number[]): Uint8Array {
  const mask = new Uint8Array((Math.floor(Math.max(0, ...numbers) / 64) + 1) * 8);
  for (const number of numbers) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return mask;
}
