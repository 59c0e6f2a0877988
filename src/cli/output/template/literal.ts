/** Go's literals: numbers, "interpreted" and `raw` strings, 'characters' (Go spec, "Lexical elements"). */

const ESCAPES: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

const ESCAPE = /\\(x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs;

function interpret(text: string): string | undefined {
  let bad = false;
  const value = text.replace(ESCAPE, (_, whole: string, x?: string, u?: string, long?: string, octal?: string) => {
    const hex = x ?? u ?? long;
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const known = ESCAPES[whole];
    if (known === undefined) bad = true;
    return known ?? "";
  });
  return bad ? undefined : value;
}

/** The value of a literal as it is written; undefined when it is none. A character is its code. */
export function unquote(kind: "number" | "string" | "char", text: string): string | number | undefined {
  if (kind === "number") {
    const plain = text.replaceAll("_", "");
    const octal = /^([+-]?)0([0-7]+)$/.exec(plain);
    const sign = plain.startsWith("-") ? -1 : 1;
    const value = octal ? sign * Number.parseInt(octal[2] as string, 8) : sign * Number(plain.replace(/^[+-]/, ""));
    return Number.isNaN(value) ? undefined : value;
  }
  if (text.startsWith("`")) return text.slice(1, -1);
  const value = interpret(text.slice(1, -1));
  if (kind === "string" || value === undefined) return value;
  return [...value].length === 1 ? value.codePointAt(0) : undefined;
}
