/** Sizes, integers and truth values, read as Go's units and strconv packages do (go-units size.go, strconv.ParseInt, ParseBool). */
import { invalid } from "./invalid.ts";

const SUFFIX = /^([kmgtp])(b|ib)?$/;
const POWERS = "kmgtp";

/** Bytes in `64m`, `1.5GiB`, `100`, `1 g`; suffixes are powers of 1024. Negative sizes are refused. */
export function parseSize(text: string): number {
  const match = /^(.*[0-9. ])([^0-9. ]*)$/s.exec(text);
  if (!match) throw invalid(`invalid size: '${text}'`);
  const digits = (match[1] as string).replace(/ $/, "");
  const suffix = (match[2] as string).toLowerCase();
  if (!/^\+?(\d+\.?\d*|\.\d+)$/.test(digits)) throw invalid(`invalid size: '${text}'`);
  const size = Number(digits);
  if (suffix === "" || suffix === "b") return exact(size, text);
  const unit = SUFFIX.exec(suffix);
  if (!unit) throw invalid(`invalid suffix: '${match[2]}'`);
  return exact(size * 1024 ** (POWERS.indexOf(unit[1] as string) + 1), text);
}

function exact(size: number, text: string): number {
  const bytes = Math.trunc(size);
  if (!Number.isSafeInteger(bytes)) throw invalid(`invalid size: '${text}': it is too large`);
  return bytes;
}

/** A decimal integer that JavaScript holds exactly. */
export function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}

export function parseUint16(text: string): number {
  if (!/^\d+$/.test(text)) throw invalid(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (Number(text) > 0xffff) throw invalid(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  return Number(text);
}

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Go's ParseBool: undefined for what is neither. */
export const parseBool = (text: string): boolean | undefined => (TRUE.has(text) ? true : FALSE.has(text) ? false : undefined);
