/**
 * The values that templates work on. Data comes as it stands in JSON: objects are Go's structs, or maps when their keys are not
 * Go's field names; a JS Map is a map in any case. undefined is "no value", a function is a method.
 */

export type Value = unknown;

/** A nil that is no slice: null is that one. */
class Nil {
  constructor(readonly text: string) {}

  toJSON(): null {
    return null;
  }
}

export const NIL_POINTER = new Nil("<nil>");
export const NIL_MAP = new Nil("map[]");

/** True for every nil, and for no value. */
export const isNil = (value: Value): value is Nil | null | undefined => value === undefined || value === null || value instanceof Nil;

/** What text/template calls the type of a value, as `%T` prints it and errors tell it. */
export function typeName(value: Value): string {
  if (isNil(value)) return "<nil>";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  if (Array.isArray(value)) return value.every((entry) => typeof entry === "string") ? "[]string" : "[]interface {}";
  return "map[string]interface {}";
}

/** True for what has entries rather than fields: a missing key of it is no mistake. */
export const isMap = (value: object): boolean =>
  value instanceof Map || !Object.keys(value).every((key) => /^[A-Z]/.test(key)) || Object.keys(value).length === 0;

/** Entries of a map or struct; those of a map in the order of their keys, as Go prints and ranges over them. */
export function entriesOf(value: object): [string, Value][] {
  const entries: [string, Value][] = value instanceof Map ? [...(value as Map<string, Value>)] : Object.entries(value);
  return isMap(value) ? entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : entries;
}

/** text/template's truth: not zero, not empty. */
export function isTrue(value: Value): boolean {
  if (isNil(value) || value === false || value === 0 || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** Go's %v. null is a nil slice: that is what it nearly always is in Docker's JSON; typed.ts knows where it is not. */
export function show(value: Value): string {
  if (value === undefined) return "<nil>";
  if (value === null) return "[]";
  if (value instanceof Nil) return value.text;
  if (typeof value === "number") return showNumber(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  const entries = entriesOf(value).filter(([, entry]) => typeof entry !== "function");
  if (isMap(value)) return `map[${entries.map(([key, entry]) => `${key}:${show(entry)}`).join(" ")}]`;
  return `{${entries.map(([, entry]) => show(entry)).join(" ")}}`;
}

function showNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString();
  const text = String(value);
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Go's encoding/json without its HTML escapes, as Docker's `json` function and its inspect do; indented by `indent`. */
export function toJson(value: Value, indent = ""): string {
  const text = JSON.stringify(value instanceof Map ? Object.fromEntries(value) : value, undefined, indent) ?? "null";
  return text.replace(/[\u2028\u2029]/g, (char) => (char === "\u2028" ? "\\u2028" : "\\u2029"));
}
