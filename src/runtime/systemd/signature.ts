/** Type signatures of D-Bus (D-Bus Specification, "Type System"): how they are taken apart, and what has to be aligned to what. */

/** Alignment in bytes by the first letter of a type ("Marshaling", "Summary of D-Bus marshaling"). */
const ALIGNMENT: Readonly<Record<string, number>> = {
  ...{ y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, s: 4, o: 4, a: 4, x: 8, t: 8, d: 8, "(": 8, "{": 8 },
};

export function alignmentOf(type: string): number {
  const size = ALIGNMENT[type.charAt(0)];
  if (size === undefined) throw new RangeError(`"${type}" is no type of D-Bus`);
  return size;
}

/** Index after the single complete type that begins at `from`. */
function endOfType(signature: string, from: number): number {
  const letter = signature.charAt(from);
  if (letter === "a") return endOfType(signature, from + 1);
  if (letter !== "(" && letter !== "{") {
    alignmentOf(letter);
    return from + 1;
  }
  const close = letter === "(" ? ")" : "}";
  let at = from + 1;
  while (signature.charAt(at) !== close) at = endOfType(signature, at);
  return at + 1;
}

/** `a(sv)u` as `["a(sv)", "u"]`. Throws RangeError for what is no signature. */
export function splitSignature(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}
