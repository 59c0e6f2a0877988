/**
 * `org.systemd.property.NAME` annotations: properties of the scope that the caller names itself, as runc and crun read them. The
 * value is GVariant's text format (docs.gtk.org/glib/gvariant-text.html): 'text', true, 5, uint64 5, ['a', 'b'], @as [].
 */
import { HoyError } from "../../spec/error.ts";
import type { Property } from "./properties.ts";
import { type Value, type Variant, variant } from "./wire.ts";

const PREFIX = "org.systemd.property.";

/** Types by the words that may stand before a number. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ byte: "y", int16: "n", uint16: "q", int32: "i", uint32: "u", int64: "x", uint64: "t", double: "d", boolean: "b" },
  ...{ string: "s", objectpath: "o", signature: "g" },
};

const LIMITS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 0xffn],
  n: [-0x8000n, 0x7fffn],
  q: [0n, 0xffffn],
  i: [-0x8000_0000n, 0x7fff_ffffn],
  u: [0n, 0xffff_ffffn],
  x: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
  t: [0n, 0xffff_ffff_ffff_ffffn],
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

class Text {
  #at = 0;

  constructor(readonly text: string) {}

  /** Takes what matches here, after white space. */
  take(pattern: RegExp): string | undefined {
    const found = new RegExp(`^\\s*(?:${pattern.source})`).exec(this.text.slice(this.#at));
    if (!found) return undefined;
    this.#at += found[0].length;
    return found[1] ?? found[0].trim();
  }

  get ended(): boolean {
    return this.text.slice(this.#at).trim() === "";
  }
}

class NotUnderstood extends Error {}

function parseValue(text: Text, type: string | undefined): Variant {
  const explicit = text.take(/@(a?[bynqiuxtdsog])/) ?? WORDS[text.take(/([a-z]+[0-9]*)\b(?=\s+\S)/) ?? ""];
  const wanted = explicit ?? type;
  if (text.take(/\[/) !== undefined) return parseArray(text, wanted);
  const quoted = text.take(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/);
  if (quoted !== undefined) return variant(oneOf(wanted ?? "s", "sog"), unquote(quoted));
  const word = text.take(/(true|false)\b/);
  if (word !== undefined) return variant(oneOf(wanted ?? "b", "b"), word === "true");
  const number = text.take(/([-+]?(?:0x[0-9a-fA-F]+|[0-9.]+(?:e[-+]?\d+)?))/);
  if (number === undefined) throw new NotUnderstood();
  return parseNumber(number, wanted);
}

function oneOf(type: string, allowed: string): string {
  if (type.length !== 1 || !allowed.includes(type)) throw new NotUnderstood();
  return type;
}

const unquote = (quoted: string): string =>
  quoted
    .slice(1, -1)
    .replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gs, (_, short, long, letter) =>
      letter === undefined ? String.fromCodePoint(Number.parseInt(short ?? long, 16)) : (ESCAPES[letter] ?? letter),
    );

function parseNumber(number: string, wanted: string | undefined): Variant {
  const whole = /^([-+]?)(0x[0-9a-fA-F]+|\d+)$/.exec(number);
  if (wanted === "d" || (wanted === undefined && !whole)) {
    if (!Number.isFinite(Number(number))) throw new NotUnderstood();
    return variant("d", Number(number));
  }
  const type = wanted ?? "i";
  const [low, high] = LIMITS[type] ?? [1n, 0n];
  if (!whole) throw new NotUnderstood();
  const value = BigInt(whole[2] as string) * (whole[1] === "-" ? -1n : 1n);
  if (value < low || value > high) throw new NotUnderstood();
  return variant(type, "xt".includes(type) ? value : Number(value));
}

function parseArray(text: Text, type: string | undefined): Variant {
  if (type !== undefined && !type.startsWith("a")) throw new NotUnderstood();
  let element = type?.slice(1);
  const values: Value[] = [];
  while (text.take(/\]/) === undefined) {
    if (values.length > 0 && text.take(/,/) === undefined) throw new NotUnderstood();
    const value = parseValue(text, element);
    if (element !== undefined && value.signature !== element) throw new NotUnderstood();
    element = value.signature;
    values.push(value.value);
  }
  if (element === undefined) throw new NotUnderstood();
  return variant(`a${element}`, values);
}

/** A value in GVariant's text format. Throws HoyError. */
export function parseVariant(source: string, name: string): Variant {
  try {
    const text = new Text(source);
    const value = parseValue(text, undefined);
    if (!text.ended) throw new NotUnderstood();
    return value;
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    throw new HoyError(`annotation ${PREFIX}${name}: "${source}" is not a value of GVariant`, {
      hint: "a string stands in quotes, a number after its type: uint64 5",
    });
  }
}

/** `TimeoutStopSec` is a unit file's name; over the bus it is `TimeoutStopUSec`, in microseconds. */
function property(name: string, source: string): Property {
  if (!/^[A-Za-z]{3,}$/.test(name)) throw new HoyError(`annotation ${PREFIX}${name}: "${name}" is not the name of a property`);
  const value = parseVariant(source, name);
  if (!name.endsWith("Sec") || name.endsWith("USec")) return [name, value];
  if (!"ynqiuxtd".includes(value.signature)) throw new HoyError(`annotation ${PREFIX}${name}: "${source}" is no number of seconds`);
  const seconds = Number(value.value);
  if (seconds < 0) throw new HoyError(`annotation ${PREFIX}${name}: "${source}" is negative`);
  return [name.replace(/Sec$/, "USec"), variant("t", BigInt(Math.round(seconds * 1_000_000)))];
}

/** Throws HoyError for a name or a value that is none. */
export const annotatedProperties = (annotations: Record<string, string> = {}): Property[] =>
  Object.entries(annotations).flatMap(([key, value]) => (key.startsWith(PREFIX) ? [property(key.slice(PREFIX.length), value)] : []));
