/** JSON with 64-bit integers: OCI documents hold numbers that a double cannot (RLIM_INFINITY, seccomp arguments). */
import { HoyError } from "./error.ts";

const LONG_INTEGER = /\d{16}/;

/**
 * JSON.parse in which an integer beyond 2^53 becomes a bigint instead of losing its last digits.
 * Throws SyntaxError as JSON.parse does.
 */
export function parseExact(text: string): unknown {
  // A reviver costs a call per value: only documents that may hold such a number pay it.
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !context?.source || !/^-?\d+$/.test(context.source)) return value;
    return BigInt(context.source);
  });
}

/** JSON.stringify in which a bigint is written as the number it is. `indent` as JSON.stringify's third argument. */
export function stringifyExact(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // as it does for a bigint
  }
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? raw(member.toString()) : member), indent);
}

/** Without the members that are null, which Go's encoder writes for empty lists and its decoder takes as absent. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member)]));
}

/** A document written by others, ready for its schema: exact integers, no nulls. Throws a HoyError that begins with `what`. */
export function parseDocument(text: string, what: string): unknown {
  try {
    return withoutNulls(parseExact(text));
  } catch (error) {
    if (error instanceof RangeError) throw new HoyError(`${what}: nested too deeply`, { cause: error, status: 400 });
    if (!(error instanceof SyntaxError)) throw error;
    throw new HoyError(`${what}: ${error.message}`, { cause: error, status: 400 });
  }
}
