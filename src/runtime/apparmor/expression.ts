/**
 * Patterns of AppArmor's policy: globs of paths (apparmor.d(5), "Globbing") and expressions over bytes, as the positions of
 * Glushkov's construction, from which automaton.ts makes the kernel's automaton.
 */

/** The bytes that a position takes, 256 flags. */
type Bytes = Uint8Array;

/** An expression or a part of one: where a match begins and ends, and whether nothing is a match. */
export interface Piece {
  first: readonly number[];
  last: readonly number[];
  nullable: boolean;
}

const NOTHING: Piece = { first: [], last: [], nullable: true };

/** Positions of many expressions, numbered from 0. */
export class Positions {
  readonly bytes: Bytes[] = [];
  readonly follow: Set<number>[] = [];

  /**
   * Adds an expression: literals, `\xHH`, `.`, `[…]`, `[^…]`, `(…|…)`, `*` and `+`. Bytes, not characters: text beyond ASCII is
   * given as `\xHH`. Throws SyntaxError.
   */
  add(expression: string): Piece {
    const reader = new Reader(this, expression);
    const piece = reader.alternatives();
    if (!reader.atEnd) throw new SyntaxError(`a parenthesis too many in ${expression}`);
    return piece;
  }

  one(bytes: Bytes): Piece {
    const at = this.bytes.push(bytes) - 1;
    this.follow.push(new Set());
    return { first: [at], last: [at], nullable: false };
  }

  sequence(a: Piece, b: Piece): Piece {
    this.#join(a, b);
    return {
      first: a.nullable ? [...a.first, ...b.first] : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
      nullable: a.nullable && b.nullable,
    };
  }

  repeat(piece: Piece, orNothing: boolean): Piece {
    this.#join(piece, piece);
    return { ...piece, nullable: piece.nullable || orNothing };
  }

  #join(a: Piece, b: Piece): void {
    for (const end of a.last) for (const begin of b.first) this.follow[end]?.add(begin);
  }
}

const either = (a: Piece, b: Piece): Piece => ({
  first: [...a.first, ...b.first],
  last: [...a.last, ...b.last],
  nullable: a.nullable || b.nullable,
});

class Reader {
  #at = 0;

  constructor(
    readonly positions: Positions,
    readonly text: string,
  ) {}

  get atEnd(): boolean {
    return this.#at === this.text.length;
  }

  alternatives(): Piece {
    let piece = this.#sequence();
    while (this.#take("|")) piece = either(piece, this.#sequence());
    return piece;
  }

  #sequence(): Piece {
    let piece = NOTHING;
    while (!this.atEnd && !"|)".includes(this.#peek())) piece = this.positions.sequence(piece, this.#repeated());
    return piece;
  }

  #repeated(): Piece {
    const piece = this.#atom();
    if (this.#take("*")) return this.positions.repeat(piece, true);
    if (this.#take("+")) return this.positions.repeat(piece, false);
    return piece;
  }

  #atom(): Piece {
    if (this.#take("(")) {
      const piece = this.alternatives();
      if (!this.#take(")")) throw new SyntaxError(`a parenthesis is open in ${this.text}`);
      return piece;
    }
    if (this.#take("[")) return this.positions.one(this.#set());
    if (this.#take(".")) return this.positions.one(new Uint8Array(256).fill(1));
    const bytes = new Uint8Array(256);
    bytes[this.#byte()] = 1;
    return this.positions.one(bytes);
  }

  #set(): Bytes {
    const inverted = this.#take("^");
    const bytes = new Uint8Array(256);
    while (!this.#take("]")) {
      const from = this.#byte();
      const to = this.#take("-") ? this.#byte() : from;
      bytes.fill(1, from, to + 1);
    }
    return inverted ? bytes.map((flag) => 1 - flag) : bytes;
  }

  #byte(): number {
    const escaped = /^\\x([0-9a-f]{2})/i.exec(this.text.slice(this.#at));
    this.#at += escaped ? 4 : 1;
    if (escaped) return Number.parseInt(escaped[1] as string, 16);
    const code = this.text.charCodeAt(this.#at - 1);
    if (!(code < 128)) throw new SyntaxError(`${this.text} has a character beyond ASCII, or ends too early`);
    return code;
  }

  #peek(): string {
    return this.text[this.#at] ?? "";
  }

  #take(character: string): boolean {
    const found = this.#peek() === character;
    if (found) this.#at++;
    return found;
  }
}

const NOT_A_SLASH = "[^/\\x00]";
const NOT_NUL = "[^\\x00]";

/**
 * A path's glob as an expression, as apparmor_parser has it (parser_regex.c, convert_aaregex_to_pcre): `*` and `?` stop at a slash,
 * `**` does not, a star that ends a path's part needs one byte at least, `{a,b}` are alternatives, `[^…]` takes whatever is not named.
 */
export function globExpression(glob: string): string {
  const tokens = glob.match(/\*\*|\*|\?|\{|\}|,|\[[^\]]*\]|[^*?{},[\]]/g) ?? [];
  const words: Record<string, string> = { "{": "(", "}": ")", ",": "|", "?": NOT_A_SLASH, "*": `${NOT_A_SLASH}*`, "**": `${NOT_NUL}*` };
  return tokens
    .map((token, index) => {
      const needsOne = token.startsWith("*") && tokens[index - 1] === "/" && (tokens[index + 1] ?? "/") === "/";
      const word = words[token] ?? (token.startsWith("[") ? token : literal(token));
      return needsOne ? NOT_A_SLASH + word : word;
    })
    .join("");
}

/** Text as an expression that matches nothing else. */
export const literal = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9/_-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
