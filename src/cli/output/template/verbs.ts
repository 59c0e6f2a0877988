/** Go's verbs for numbers. */

const BASES: Record<string, number> = { d: 10, x: 16, X: 16, o: 8, b: 2 };
const PREFIXES: Record<string, string> = { x: "0x", X: "0X", o: "0", b: "0b" };

/** Go writes at least two digits of an exponent. */
const twoDigits = (text: string): string => text.replace(/e([+-])(\d)$/, "e$10$2");

export interface NumberStyle {
  precision: number | undefined;
  flags: string;
}

/** A number as the verb writes it; undefined where the verb is not for this number. */
export function showNumberIn(verb: string, value: number, { precision, flags }: NumberStyle): string | undefined {
  const sign = value >= 0 && flags.includes("+") ? "+" : value >= 0 && flags.includes(" ") ? " " : "";
  if (Number.isInteger(value)) {
    const base = BASES[verb];
    if (base !== undefined) {
      const digits = Math.abs(value).toString(base);
      const prefix = flags.includes("#") ? (PREFIXES[verb] ?? "") : "";
      return `${value < 0 ? "-" : sign}${prefix}${verb === "X" ? digits.toUpperCase() : digits}`;
    }
    if (verb === "c") return String.fromCodePoint(value);
    if (verb === "q") return `'${String.fromCodePoint(value)}'`;
    if (verb === "U") return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
  }
  // also for whole numbers: JSON's 2.0 is 2
  if (verb === "f" || verb === "F") return sign + value.toFixed(precision ?? 6);
  if (verb === "e" || verb === "E") {
    const text = twoDigits(value.toExponential(precision ?? 6));
    return sign + (verb === "E" ? text.toUpperCase() : text);
  }
  if (verb === "g" || verb === "G")
    return sign + twoDigits(precision === undefined ? String(value) : String(Number(value.toPrecision(precision || 1))));
  return undefined;
}
