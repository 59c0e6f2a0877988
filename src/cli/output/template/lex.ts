/** Go's text/template as tokens (text/template/parse/lex.go): text outside of `{{ }}`, and the words within. */
import { HoyError } from "../../../spec/error.ts";

export type TokenKind = "text" | "open" | "close" | "space" | "field" | "variable" | "word" | "number" | "string" | "char" | "mark" | "end";

export interface Token {
  kind: TokenKind;
  /** The text as it was written; a field with its dot, a variable with its dollar sign. */
  text: string;
  /** Where it begins in the template. */
  at: number;
}

/** An error at a place, in Go's form. Columns count from 0, as Go's do, and are told where an evaluation failed. */
export function templateError(source: string, at: number, message: string, place?: string): HoyError {
  const before = source.slice(0, at).split("\n");
  const column = place === undefined ? "" : `:${Buffer.byteLength(before.at(-1) as string)}`;
  const executing = place === undefined ? "" : ` executing "" at <${place}>:`;
  return new HoyError(`template parsing error: template: :${before.length}${column}:${executing} ${message}`, { exitCode: 1, status: 400 });
}

const SPACE = /[ \t\r\n]+/y;
const NUMBER = /[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(\d[\d_]*)?\.?\d[\d_]*\.?([eE][+-]?\d+)?)/y;
const ASCII_NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Made when it is needed: building the classes of Unicode takes longer than reading a template. */
let unicodeName: RegExp | undefined;
const TRIM_RIGHT = /^[ \t\r\n]-\}\}/;

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

/** A name of letters, digits and `_`, that begins with no digit; undefined where there is none. */
function matchName(source: string, at: number): string | undefined {
  const name = match(ASCII_NAME, source, at);
  if (!((source.codePointAt(at + (name?.length ?? 0)) ?? 0) > 127)) return name;
  unicodeName ??= /[\p{L}_][\p{L}\p{Nd}_]*/uy;
  return match(unicodeName, source, at);
}

class Lexer {
  readonly tokens: Token[] = [];
  at = 0;

  constructor(readonly source: string) {}

  push(kind: TokenKind, text: string): void {
    this.tokens.push({ kind, text, at: this.at });
    this.at += text.length;
  }

  fail(message: string): HoyError {
    return templateError(this.source, this.at, message);
  }

  run(): Token[] {
    const { source } = this;
    let trimLeft = false;
    while (this.at < source.length) {
      const open = source.indexOf("{{", this.at);
      const raw = source.slice(this.at, open < 0 ? source.length : open);
      const trimRight = open >= 0 && /^-[ \t\r\n]/.test(source.slice(open + 2, open + 4));
      let text = trimLeft ? raw.trimStart() : raw;
      if (trimRight) text = text.trimEnd();
      if (text !== "") this.tokens.push({ kind: "text", text, at: this.at });
      if (open < 0) break;
      this.at = open + (trimRight ? 4 : 2);
      trimLeft = source.startsWith("/*", this.at) ? this.comment() : this.action(open);
    }
    this.tokens.push({ kind: "end", text: "", at: source.length });
    return this.tokens;
  }

  /** Skips a comment; true when it trims what follows. */
  comment(): boolean {
    const end = this.source.indexOf("*/", this.at);
    if (end < 0) throw this.fail("unclosed comment");
    this.at = end + 2;
    return this.close() ?? this.throwComment();
  }

  throwComment(): never {
    throw this.fail("comment ends before closing delimiter");
  }

  /** Takes a closing delimiter; true when it trims, undefined when there is none. */
  close(): boolean | undefined {
    const trims = TRIM_RIGHT.test(this.source.slice(this.at, this.at + 4));
    if (!trims && !this.source.startsWith("}}", this.at)) return undefined;
    this.at += trims ? 4 : 2;
    return trims;
  }

  action(open: number): boolean {
    this.tokens.push({ kind: "open", text: "{{", at: open });
    for (;;) {
      const start = this.at;
      const closed = this.close();
      if (closed !== undefined) {
        this.tokens.push({ kind: "close", text: "}}", at: start });
        return closed;
      }
      if (this.at >= this.source.length) throw this.fail("unclosed action");
      this.word();
    }
  }

  word(): void {
    const { source, at } = this;
    const char = source[at] as string;
    const space = match(SPACE, source, at);
    const name = matchName(source, at);
    // the last space before -}} belongs to it
    if (space !== undefined) this.push("space", source.startsWith("-}}", at + space.length) ? space.slice(0, -1) : space);
    else if (char === '"') this.push("string", this.quoted('"', "unterminated quoted string"));
    else if (char === "'") this.push("char", this.quoted("'", "unterminated character constant"));
    else if (char === "`") this.push("string", this.raw());
    else if (char === "$") this.terminated("variable", `$${matchName(source, at + 1) ?? ""}`);
    else if (match(NUMBER, source, at)) this.number();
    else if (char === ".") this.terminated("field", `.${matchName(source, at + 1) ?? ""}`);
    else if (name !== undefined) this.terminated("word", name);
    else if (source.startsWith(":=", at)) this.push("mark", ":=");
    else if ("|()=,".includes(char)) this.push("mark", char);
    else throw this.unrecognized();
  }

  raw(): string {
    const end = this.source.indexOf("`", this.at + 1);
    if (end < 0) throw this.fail("unterminated raw quoted string");
    return this.source.slice(this.at, end + 1);
  }

  number(): void {
    const text = match(NUMBER, this.source, this.at) as string;
    const more = matchName(this.source, this.at + text.length);
    if (more !== undefined) throw this.fail(`bad number syntax: ${JSON.stringify(text + more[0])}`);
    this.push("number", text);
  }

  unrecognized(): HoyError {
    const char = String.fromCodePoint(this.source.codePointAt(this.at) as number);
    const code = (char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
    return this.fail(`bad character U+${code} '${char}'`);
  }

  /** A name ends where something else may begin. */
  terminated(kind: TokenKind, text: string): void {
    this.push(kind, text);
    const next = this.source[this.at];
    if (next !== undefined && !/[ \t\r\n.,|:=()]/.test(next) && !this.source.startsWith("}}", this.at)) throw this.unrecognized();
  }

  quoted(mark: string, complaint: string): string {
    for (let end = this.at + 1; end < this.source.length; end++) {
      const char = this.source[end];
      if (char === "\n") break;
      if (char === "\\") end++;
      else if (char === mark) return this.source.slice(this.at, end + 1);
    }
    throw this.fail(complaint);
  }
}

/** The template's tokens; the last is `end`. Throws HoyError in Go's words. */
export const lex = (source: string): Token[] => new Lexer(source).run();
