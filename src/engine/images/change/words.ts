/**
 * Lines and words of `--change`, as BuildKit's Dockerfile parser takes them apart (frontend/dockerfile/parser): comments, continued
 * lines, quotes, variables. Pure.
 */
import { invalid } from "../../containers/parse/invalid.ts";

export interface Instruction {
  /** In capitals. */
  name: string;
  /** What follows it, without the space around it. */
  rest: string;
}

/** The instructions of all changes, one after another. */
export function readInstructions(changes: readonly string[]): Instruction[] {
  const found: Instruction[] = [];
  let line = "";
  for (const raw of changes.join("\n").split("\n")) {
    if (/^\s*#/.test(raw) || (raw.trim() === "" && line === "")) continue;
    const continued = /\\[ \t]*$/.test(raw);
    line += continued ? raw.replace(/\\[ \t]*$/, "") : raw;
    if (continued) continue;
    found.push(instruction(line));
    line = "";
  }
  if (line.trim() !== "") found.push(instruction(line));
  return found;
}

function instruction(line: string): Instruction {
  const [, name = "", rest = ""] = /^\s*(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
  return { name: name.toUpperCase(), rest: rest.trimEnd() };
}

/** The words of a JSON array of strings; undefined where it is none, and so is the shell's. */
export function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Splits at white space outside of quotes; quotes and escapes stay for `expand`. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "\\" && quote !== "'" && at + 1 < text.length) word += character + text[++at];
    else if (quote === "" && /\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      if (character === quote) quote = "";
      else if (quote === "" && (character === '"' || character === "'")) quote = character;
      word += character;
    }
  }
  if (word !== "") words.push(word);
  return words;
}

/** A word without its quotes and with its variables: `$x`, `${x}`, `${x:-else}`, `${x:+then}`, `${x:?why}`. Throws HoyError. */
export function expand(word: string, variables: ReadonlyMap<string, string>): string {
  return read({ word, at: 0, variables }, "");
}

interface Reader {
  readonly word: string;
  at: number;
  readonly variables: ReadonlyMap<string, string>;
}

function read(reader: Reader, until: string): string {
  const { word } = reader;
  let text = "";
  let quoted = false;
  while (reader.at < word.length) {
    const character = word[reader.at] as string;
    if (character === until && !quoted) return text;
    reader.at++;
    if (character === "'" && !quoted) {
      const end = word.indexOf("'", reader.at);
      if (end < 0) throw invalid("unexpected end of statement while looking for matching single-quote");
      text += word.slice(reader.at, end);
      reader.at = end + 1;
    } else if (character === '"') quoted = !quoted;
    else if (character === "\\" && reader.at < word.length) {
      const next = word[reader.at++] as string;
      text += quoted && !['"', "$", "\\"].includes(next) ? `\\${next}` : next;
    } else if (character === "$") text += variable(reader);
    else text += character;
  }
  if (quoted) throw invalid("unexpected end of statement while looking for matching double-quote");
  if (until !== "") throw invalid("syntax error: missing '}'");
  return text;
}

function variable(reader: Reader): string {
  const { word, variables } = reader;
  if (word[reader.at] !== "{") {
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(word.slice(reader.at))?.[0] ?? "";
    reader.at += name.length;
    return name === "" ? "$" : (variables.get(name) ?? "");
  }
  const [whole = "", name = "", modifier] = /^\{([A-Za-z_][A-Za-z0-9_]*)(:?[-+?])?/.exec(word.slice(reader.at)) ?? [];
  if (name === "") throw invalid("syntax error: bad substitution");
  reader.at += whole.length;
  if (reader.at >= word.length) throw invalid("syntax error: missing '}'");
  if (modifier === undefined && word[reader.at] !== "}") throw invalid(`unsupported modifier (${word[reader.at]}) in substitution`);
  const other = read(reader, "}");
  reader.at++;
  const value = variables.get(name);
  const isSet = value !== undefined && !(modifier?.startsWith(":") && value === "");
  if (modifier === undefined) return value ?? "";
  if (modifier.endsWith("-")) return isSet ? (value as string) : other;
  if (modifier.endsWith("+")) return isSet ? other : "";
  if (!isSet) throw invalid(`${name}: ${other || "not set"}`);
  return value as string;
}
