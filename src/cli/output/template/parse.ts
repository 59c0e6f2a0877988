/** Go's text/template as a tree (text/template/parse/parse.go); define, template and block are not part of it. */
import type { HoyError } from "../../../spec/error.ts";
import { lex, type Token, templateError } from "./lex.ts";
import { unquote } from "./literal.ts";

export type Operand = { at: number; text: string } & (
  | { kind: "dot" }
  | { kind: "nil" }
  | { kind: "literal"; value: string | number | boolean }
  | { kind: "field"; names: string[] }
  | { kind: "variable"; name: string; names: string[] }
  | { kind: "function"; name: string }
  | { kind: "chain"; pipe: Pipe; names: string[] }
);

export interface Command {
  at: number;
  text: string;
  operands: Operand[];
}

export interface Pipe {
  at: number;
  text: string;
  /** Variables that take its value; two of them in a range. */
  names: string[];
  /** `=` rather than `:=`. */
  assigns: boolean;
  commands: Command[];
}

export interface Block {
  kind: "if" | "with" | "range";
  pipe: Pipe;
  body: Node[];
  otherwise: Node[];
}

export type Node = { kind: "text"; text: string } | { kind: "print"; pipe: Pipe } | Block | { kind: "break" } | { kind: "continue" };

const BLOCKS = new Set(["if", "with", "range"]);

class Parser {
  readonly tokens: Token[];
  index = 0;
  variables: string[] = ["$"];
  ranges = 0;

  constructor(
    readonly source: string,
    readonly functions: ReadonlySet<string>,
  ) {
    this.tokens = lex(source);
  }

  get token(): Token {
    return this.tokens[this.index] as Token;
  }

  /** True when a mark with this text is next. */
  marked(text: string): boolean {
    return this.token.kind === "mark" && this.token.text === text;
  }

  next(): Token {
    const { token } = this;
    if (token.kind !== "end") this.index++;
    return token;
  }

  skipSpace(): void {
    while (this.token.kind === "space") this.index++;
  }

  fail(message: string, at = this.token.at): HoyError {
    return templateError(this.source, at, message);
  }

  unexpected(context: string): HoyError {
    const { kind, text } = this.token;
    if (kind === "end") return this.fail("unexpected EOF");
    return this.fail(`unexpected ${kind === "close" ? '"}}"' : kind === "word" ? `<${text}>` : JSON.stringify(text)} in ${context}`);
  }

  /** Nodes up to the `end` or `else` that closes them, which is left to the caller; `inside` says that there has to be one. */
  list(inside: boolean): { nodes: Node[]; stop: string } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.next();
      if (token.kind === "end") {
        if (inside) throw this.fail("unexpected EOF");
        return { nodes, stop: "" };
      }
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      this.skipSpace();
      const { text, kind } = this.token;
      if (kind === "word" && (text === "end" || text === "else")) {
        if (!inside) throw this.fail(`unexpected {{${text}}}`);
        this.index++;
        return { nodes, stop: text };
      }
      nodes.push(this.action());
    }
  }

  action(): Node {
    const { kind, text } = this.token;
    if (kind === "word" && BLOCKS.has(text)) {
      this.index++;
      return this.block(text as "if" | "with" | "range");
    }
    if (kind === "word" && (text === "break" || text === "continue")) {
      if (this.ranges === 0) throw this.fail(`{{${text}}} outside {{range}}`);
      this.index++;
      this.close(`{{${text}}}`);
      return { kind: text };
    }
    const pipe = this.pipe("command");
    this.close("command");
    return { kind: "print", pipe };
  }

  close(context: string): void {
    this.skipSpace();
    if (this.token.kind !== "close") throw this.unexpected(context);
    this.index++;
  }

  block(kind: "if" | "with" | "range"): Node {
    const depth = this.variables.length;
    const pipe = this.pipe(kind);
    this.close(kind);
    if (kind === "range") this.ranges++;
    const { nodes: body, stop } = this.list(true);
    if (kind === "range") this.ranges--;
    const otherwise = stop === "else" ? this.otherwise(kind) : [];
    if (stop === "end") this.close("end");
    this.variables.length = depth;
    return { kind, pipe, body, otherwise };
  }

  /** What follows `else`: a list, or a block of the same kind that shares the `end`. */
  otherwise(kind: "if" | "with" | "range"): Node[] {
    this.skipSpace();
    const { text } = this.token;
    if (kind !== "range" && this.token.kind === "word" && text === kind) {
      this.index++;
      return [this.block(kind)];
    }
    this.close("else");
    const { nodes, stop } = this.list(true);
    if (stop === "else") throw this.fail("expected end; found {{else}}");
    this.close("end");
    return nodes;
  }

  pipe(context: string): Pipe {
    this.skipSpace();
    const start = this.token.at;
    const { names, assigns } = this.declarations(context);
    const commands: Command[] = [];
    for (;;) {
      this.skipSpace();
      if (this.token.kind === "close" || this.marked(")")) break;
      commands.push(this.command());
      this.skipSpace();
      if (this.marked("|")) this.index++;
    }
    if (commands.length === 0) throw this.fail(`missing value for ${context}`);
    commands.slice(1).forEach(({ operands }, at) => {
      const [first] = operands;
      if (first?.kind === "literal" || first?.kind === "nil" || first?.kind === "dot")
        throw this.fail(`non executable command in pipeline stage ${at + 2}`);
    });
    if (!assigns) this.variables.push(...names);
    return { at: commands[0]?.at ?? start, text: this.written(start), names, assigns, commands };
  }

  /** The source from a place to the present token. */
  written(start: number): string {
    return this.source.slice(start, this.token.at).trim();
  }

  /** `$x :=`, `$x =`, and `$i, $e :=` of a range. */
  declarations(context: string): { names: string[]; assigns: boolean } {
    const names: string[] = [];
    const begin = this.index;
    while (this.token.kind === "variable") {
      const name = this.next().text;
      this.skipSpace();
      names.push(name);
      if (this.marked(",") && context === "range") {
        if (names.length === 2) throw this.fail("too many declarations in range");
        this.index++;
        this.skipSpace();
        continue;
      }
      const assigns = this.marked("=");
      if (assigns || this.marked(":=")) {
        this.index++;
        if (assigns) for (const known of names) this.defined(known);
        return { names, assigns };
      }
      break;
    }
    this.index = begin;
    return { names: [], assigns: false };
  }

  defined(name: string, at = this.token.at): void {
    if (!this.variables.includes(name)) throw this.fail(`undefined variable ${JSON.stringify(name)}`, at);
  }

  command(): Command {
    const at = this.token.at;
    const operands: Operand[] = [];
    for (;;) {
      this.skipSpace();
      if (this.commandEnds()) break;
      operands.push(this.operand());
      if (this.token.kind !== "space" && !this.commandEnds()) throw this.unexpected("operand");
    }
    if (operands.length === 0) throw this.fail("empty command");
    return { at, text: this.written(at), operands };
  }

  commandEnds(): boolean {
    return this.token.kind === "close" || this.marked(")") || this.marked("|");
  }

  operand(): Operand {
    const { token } = this;
    const { at, kind, text } = token;
    const operand = this.term(token);
    const names: string[] = [];
    let place = at;
    while (this.token.kind === "field" && this.token.text !== ".") {
      // Go tells the place of the second field for the whole chain
      if (names.length === 0) place = this.token.at;
      names.push(this.next().text.slice(1));
    }
    const written = this.source.slice(at, this.token.at);
    if (names.length === 0) return { ...operand, text: written };
    if (operand.kind === "field" || operand.kind === "variable" || operand.kind === "chain")
      return { ...operand, at: place, text: written, names: [...operand.names, ...names] };
    if (operand.kind === "dot") return { kind: "field", at: place, text: written, names };
    throw this.fail(`unexpected . after term ${JSON.stringify(kind === "string" ? text : operand.text)}`);
  }

  term({ kind, text, at }: Token): Operand {
    const base = { at, text };
    if (kind === "mark" && text === "(") {
      this.index++;
      const pipe = this.pipe("parenthesized pipeline");
      if (!this.marked(")")) throw this.fail("unclosed left paren");
      this.index++;
      return { ...base, kind: "chain", pipe, names: [] };
    }
    if (kind === "field") return this.taken(text === "." ? { ...base, kind: "dot" } : { ...base, kind: "field", names: [text.slice(1)] });
    if (kind === "variable") {
      this.defined(text);
      return this.taken({ ...base, kind: "variable", name: text, names: [] });
    }
    if (kind === "word") {
      if (text === "true" || text === "false") return this.taken({ ...base, kind: "literal", value: text === "true" });
      if (text === "nil") return this.taken({ ...base, kind: "nil" });
      if (!this.functions.has(text)) throw this.fail(`function ${JSON.stringify(text)} not defined`);
      return this.taken({ ...base, kind: "function", name: text });
    }
    if (kind === "number" || kind === "string" || kind === "char") {
      const value = unquote(kind, text);
      if (value === undefined) throw this.fail(kind === "number" ? `bad number syntax: ${JSON.stringify(text)}` : "invalid syntax");
      return this.taken({ ...base, kind: "literal", value });
    }
    throw this.unexpected("operand");
  }

  taken(operand: Operand): Operand {
    this.index++;
    return operand;
  }
}

/** Reads a template. `functions` are the names that may be called. Throws HoyError in Go's words. */
export const parseTemplate = (source: string, functions: ReadonlySet<string>): Node[] => new Parser(source, functions).list(false).nodes;
