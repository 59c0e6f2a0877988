/** What templates may call: text/template's own functions and Docker's (docker/cli templates/templates.go). */
import { quote, sprint, sprintf, sprintln } from "./printf.ts";
import { isNil, isTrue, NIL_MAP, toJson, typeName, type Value } from "./value.ts";

export type Parameter = "any" | "string" | "int" | "strings";

export interface TemplateFunction {
  parameters: readonly Parameter[];
  /** Kind of the arguments after those. */
  rest?: Parameter;
  /** May throw CallError. */
  call: (...values: never[]) => Value;
}

/** A function's complaint: told with the place of the call. */
export class CallError extends Error {}

const define = <T extends Value[]>(
  parameters: readonly Parameter[],
  call: (...values: T) => Value,
  rest?: Parameter,
): TemplateFunction => ({
  parameters,
  call: call as (...values: never[]) => Value,
  ...(rest ? { rest } : {}),
});

type Basic = string | number | boolean | null;

/** Kinds that may be compared with each other; "nil" for no value. JSON does not tell integers from fractions, so all numbers are one. */
function kindOf(value: Value): string {
  if (isNil(value)) return "nil";
  if (typeof value === "object") throw new CallError(`non-comparable type ${typeName(value)}: ${toJson(value)}`);
  return typeof value;
}

function equal(first: Value, second: Value): boolean {
  const [a, b] = [kindOf(first), kindOf(second)];
  if (a === "nil" || b === "nil") return a === b;
  if (a !== b) throw new CallError("incompatible types for comparison");
  return first === second;
}

function equalsAny(first: Value, ...others: Value[]): boolean {
  if (others.length === 0) throw new CallError("missing argument for comparison");
  return others.some((other) => equal(first, other));
}

function less(first: Value, second: Value): boolean {
  const [a, b] = [kindOf(first), kindOf(second)];
  if (a === "nil" || a === "boolean") throw new CallError("invalid type for comparison");
  if (a !== b) throw new CallError("incompatible types for comparison");
  return (first as Basic & {}) < (second as Basic & {});
}

function checkIndex(at: Value, length: number): number {
  if (typeof at !== "number" || !Number.isInteger(at)) throw new CallError(`cannot index slice/array with type ${typeName(at)}`);
  if (at < 0 || at > length) throw new CallError(`index out of range: ${at}`);
  return at;
}

function index(value: Value, ...keys: Value[]): Value {
  let found = value;
  for (const key of keys) {
    if (found === NIL_MAP) return "";
    if (isNil(found)) throw new CallError("index of untyped nil");
    if (typeof found === "string" || Array.isArray(found)) {
      const list: ArrayLike<Value> = typeof found === "string" ? Buffer.from(found) : found;
      const at = checkIndex(key, list.length);
      if (at === list.length) throw new CallError(`index out of range: ${at}`);
      found = list[at];
    } else if (typeof found === "object") {
      if (typeof key !== "string") throw new CallError(`value has type ${typeName(key)}; should be string`);
      // the zero value of a map of strings; only labels and options are indexed for keys they may not have
      found = found instanceof Map ? found.get(key) : Object.hasOwn(found, key) ? (found as Record<string, Value>)[key] : "";
    } else throw new CallError(`can't index item of type ${typeName(found)}`);
  }
  return found;
}

function slice(value: Value, ...bounds: Value[]): Value {
  if (bounds.length > 3) throw new CallError(`too many slice indexes: ${bounds.length}`);
  if (typeof value !== "string" && !Array.isArray(value)) throw new CallError(`can't slice item of type ${typeName(value)}`);
  const list = typeof value === "string" ? Buffer.from(value) : value;
  const [from = 0, to = list.length] = bounds.map((bound) => checkIndex(bound, list.length));
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`);
  return typeof list === "object" && Buffer.isBuffer(list) ? list.toString("utf8", from, to) : list.slice(from, to);
}

function length(value: Value): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value === null || value === NIL_MAP) return 0;
  if (isNil(value)) throw new CallError("len of nil pointer");
  if (value instanceof Map) return value.size;
  if (typeof value === "object") return Object.keys(value).length;
  throw new CallError(`len of type ${typeName(value)}`);
}

const HTML: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\uFFFD" };

/** By name. `and` and `or` are here for their parameters: their arguments are evaluated only as far as needed (run.ts). */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  and: define(["any"], (...values: Value[]) => values.find((value) => !isTrue(value)) ?? values.at(-1), "any"),
  or: define(["any"], (...values: Value[]) => values.find(isTrue) ?? values.at(-1), "any"),
  not: define(["any"], (value: Value) => !isTrue(value)),
  eq: define(["any"], equalsAny, "any"),
  ne: define(["any", "any"], (first: Value, second: Value) => !equal(first, second)),
  lt: define(["any", "any"], less),
  le: define(["any", "any"], (first: Value, second: Value) => less(first, second) || equal(first, second)),
  gt: define(["any", "any"], (first: Value, second: Value) => !less(first, second) && !equal(first, second)),
  ge: define(["any", "any"], (first: Value, second: Value) => !less(first, second)),
  index: define(["any"], index, "any"),
  slice: define(["any"], slice, "any"),
  len: define(["any"], length),
  print: define([], (...values: Value[]) => sprint(values), "any"),
  println: define([], (...values: Value[]) => sprintln(values), "any"),
  printf: define(["string"], (format: string, ...values: Value[]) => sprintf(format, values), "any"),
  html: define([], (...values: Value[]) => sprint(values).replace(/[&<>"'\0]/g, (char) => HTML[char] as string), "any"),
  js: define(
    [],
    (...values: Value[]) =>
      quote(sprint(values))
        .slice(1, -1)
        .replace(/[<>&='']/g, jsEscape),
    "any",
  ),
  urlquery: define([], (...values: Value[]) => new URLSearchParams([["", sprint(values)]]).toString().slice(1), "any"),
  json: define(["any"], (value: Value) => toJson(value)),
  join: define(["strings", "string"], (list: string[] | null, separator: string) => (list ?? []).join(separator)),
  split: define(["string", "string"], (text: string, separator: string) => text.split(separator)),
  lower: define(["string"], (text: string) => text.toLowerCase()),
  upper: define(["string"], (text: string) => text.toUpperCase()),
  title: define(["string"], (text: string) =>
    text.replace(/(^|[^\p{L}\p{Nd}_])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
  ),
  pad: define(["string", "int", "int"], (text: string, before: number, after: number) =>
    text === "" ? "" : " ".repeat(before) + text + " ".repeat(after),
  ),
  truncate: define(["string", "int"], (text: string, most: number) => Buffer.from(text).toString("utf8", 0, most)),
};

const jsEscape = (char: string): string =>
  char === "'" ? "\\'" : `\\u${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;

const same = (heading: string): Value => heading;

/** What they are for the headings of a table. */
export const headingFunctions: typeof templateFunctions = {
  ...templateFunctions,
  json: define(["string"], same),
  lower: define(["string"], same),
  upper: define(["string"], same),
  title: define(["string"], same),
  truncate: define(["string", "int"], same),
};
