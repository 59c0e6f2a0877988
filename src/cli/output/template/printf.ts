/** Go's fmt: Sprint, Sprintln and Sprintf, for the kinds of values that templates have. */

import { show, typeName, type Value } from "./value.ts";
import { showNumberIn } from "./verbs.ts";

/** Operands joined, with a space between two that are both no strings. */
export function sprint(values: readonly Value[]): string {
  let text = "";
  values.forEach((value, at) => {
    if (at > 0 && typeof value !== "string" && typeof values[at - 1] !== "string") text += " ";
    text += show(value);
  });
  return text;
}

export const sprintln = (values: readonly Value[]): string => `${values.map(show).join(" ")}\n`;

/** A string in Go's double quotes (strconv.Quote). */
export function quote(text: string): string {
  const escapes: Record<string, string> = { "\x07": "\\a", "\v": "\\v" };
  return JSON.stringify(text).replace(/\\u00([0-9a-f]{2})/g, (_, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return escapes[char] ?? `\\x${hex}`;
  });
}

const VERB = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([^\s\d])?/gu;
const HAS_PRECISION = /\./;

interface Spec {
  flags: string;
  width: number;
  precision: number | undefined;
  verb: string;
}

/** Go's Sprintf, with its words for what does not fit: `%!d(string=x)`, `%!d(MISSING)`, `%!(EXTRA int=2)`. */
export function sprintf(format: string, values: readonly Value[]): string {
  let next = 0;
  const text = format.replace(VERB, (whole, flags: string, width?: string, precision?: string, verb?: string) => {
    const number = (part: string | undefined): number | undefined =>
      part === undefined ? undefined : part === "*" ? Number(values[next++]) : Number(part);
    const spec: Spec = {
      flags,
      width: number(width) ?? 0,
      precision: HAS_PRECISION.test(whole) ? (number(precision) ?? 0) : undefined,
      verb: verb ?? "",
    };
    if (verb === undefined) return "%!(NOVERB)";
    if (verb === "%") return "%";
    if (next >= values.length) return `%!${verb}(MISSING)`;
    return pad(formatOne(values[next++], spec), spec);
  });
  const extra = values.slice(next).map((value) => `${typeName(value)}=${show(value)}`);
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(", ")})` : text;
}

function pad(text: string, { flags, width, verb }: Spec): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || "sqvT".includes(verb)) return text.padStart(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function formatOne(value: Value, spec: Spec): string {
  const { verb, precision, flags } = spec;
  const wrong = (): string => `%!${verb}(${typeName(value)}=${show(value)})`;
  if (verb === "v") return show(value);
  if (verb === "T") return typeName(value);
  if (Array.isArray(value)) return `[${value.map((entry) => formatOne(entry, spec)).join(" ")}]`;
  if (typeof value === "number") return showNumberIn(verb, value, { precision, flags }) ?? wrong();
  if (verb === "t") return typeof value === "boolean" ? String(value) : wrong();
  if (typeof value !== "string") return wrong();
  const cut = precision === undefined ? value : [...value].slice(0, precision).join("");
  if (verb === "s") return cut;
  if (verb === "q") return quote(cut);
  if (verb === "x" || verb === "X") {
    const hex = Buffer.from(value).toString("hex");
    return verb === "X" ? hex.toUpperCase() : hex;
  }
  return wrong();
}
