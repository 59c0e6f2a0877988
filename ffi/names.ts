/**
 * File names as text and back. Linux names are bytes, mostly UTF-8 but not always: a byte that is no UTF-8 is kept as a lone
 * surrogate (U+DC80 to U+DCFF, as Python's "surrogateescape" does), so that every name survives the way through a string.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of `bytes[from..to)`; never fails. */
export function decodeName(bytes: Buffer, from = 0, to = bytes.length): string {
  const text = bytes.toString("utf8", from, to);
  return text.includes("\ufffd") ? decodeSlowly(bytes.subarray(from, to)) : text;
}

const sequenceLength = (lead: number): number => (lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2);

function decodeSlowly(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const length = sequenceLength(lead);
    const part = bytes.subarray(at, at + length);
    try {
      text += strict.decode(part);
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + lead);
      at++;
    }
  }
  return text;
}

/** The bytes of a name that `decodeName` gave, or of any other text. */
export function encodeName(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    parts.push(character.length === 1 && code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character));
  }
  return Buffer.concat(parts);
}
