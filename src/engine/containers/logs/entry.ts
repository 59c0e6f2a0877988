/**
 * Docker's json-file format: one line an entry, `{"log":"text\n","stream":"stdout","time":"2026-01-01T00:00:00.000000000Z"}`.
 * A million of them are decoded in a fraction of a second: what is laid out as our monitor does it (members in this order, times of
 * 30 characters) is decoded byte by byte, anything else by JSON.parse.
 */
import { TIME_LENGTH } from "./time.ts";

export interface Filter {
  /** Begin each line with its time. */
  timestamps: boolean;
  /** Begin each line with its attributes, of which there are none, and a space: after the time. */
  details: boolean;
  /** Times (30 bytes) between which an entry has to lie; undefined: no limit. */
  since: Uint8Array | undefined;
  until: Uint8Array | undefined;
}

/** Texts decoded so far, and how they change between the streams. */
export interface Decoder extends Filter {
  /** Room for what one chunk decodes to: an entry never grows. */
  out: Uint8Array;
  used: number;
  /** Runs of one stream in `out`: [stream, end, stream, end …]. */
  runs: number[];
  /** Per stream: the last text ended with a newline, so the next one begins a line. */
  lineStart: [unused: boolean, stdout: boolean, stderr: boolean];
  /** Entries that were no JSON of this kind, and were left out. */
  corrupt: number;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const HEAD = ascii('{"log":"');
const STDOUT = ascii(',"stream":"stdout","time":"');
const STDERR = ascii(',"stream":"stderr","time":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAIL_LENGTH = 3; // "}\n
/** From the text's closing quote to the end of the entry. */
const REST_LENGTH = 1 + STDOUT.length + TIME_LENGTH + TAIL_LENGTH;

export const newDecoder = (filter: Filter): Decoder => ({
  ...filter,
  out: new Uint8Array(0),
  used: 0,
  runs: [],
  lineStart: [true, true, true],
  corrupt: 0,
});

/** Bytes before a line's text. */
const roomOf = ({ timestamps, details }: Filter): number => (timestamps ? TIME_LENGTH + 1 : 0) + (details ? 1 : 0);

/** Decodes the whole entries in `bytes[0..length)` into `out`; returns how many bytes they take. */
export function decodeEntries(decoder: Decoder, bytes: Uint8Array, length: number): number {
  if (decoder.out.length < bytes.length) decoder.out = new Uint8Array(bytes.length);
  decoder.used = 0;
  decoder.runs.length = 0;
  let at = 0;
  for (;;) {
    let next = decodeFast(decoder, bytes, at, length);
    if (next === at) next = decodeSlowly(decoder, bytes, at, length);
    if (next === at) return at;
    at = next;
  }
}

const startsWith = (bytes: Uint8Array, at: number, wanted: Uint8Array): boolean => {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
};

/** Decodes an entry of the usual layout; returns the index behind it, or `start` when it is cut off or of another layout. */
function decodeFast(decoder: Decoder, bytes: Uint8Array, start: number, length: number): number {
  if (start + HEAD.length + REST_LENGTH > length || !startsWith(bytes, start, HEAD)) return start;
  const { out } = decoder;
  let to = decoder.used + roomOf(decoder);
  let at = start + HEAD.length;
  const limit = length - REST_LENGTH;
  for (;;) {
    if (at > limit) return start;
    const byte = bytes[at] as number;
    if (byte === QUOTE) break;
    if (byte !== BACKSLASH) {
      out[to++] = byte;
      at++;
      continue;
    }
    const simple = SIMPLE[bytes[at + 1] as number] as number;
    if (simple !== 0) {
      out[to++] = simple;
      at += 2;
      continue;
    }
    const code = unicode(bytes, at);
    if (code < 0) return start;
    to = putCodePoint(out, to, code);
    at += code > 0xffff ? 12 : 6;
  }
  const stream = startsWith(bytes, at + 1, STDOUT) ? 1 : startsWith(bytes, at + 1, STDERR) ? 2 : 0;
  const end = at + REST_LENGTH;
  const time = end - TAIL_LENGTH - TIME_LENGTH;
  if (stream === 0 || bytes[end - 1] !== NEWLINE || bytes[end - 2] !== 0x7d || bytes[end - 3] !== QUOTE) return start;
  if (bytes[end - 4] !== 0x5a) return start;
  accept(decoder, { stream, to, time: bytes, timeAt: time });
  return end;
}

/** What stands for a single character behind a backslash; 0: nothing, or `u`. */
const SIMPLE = new Uint8Array(256);
for (const [letter, byte] of Object.entries({ n: 10, r: 13, t: 9, b: 8, f: 12, '"': 34, "\\": 92, "/": 47 }))
  SIMPLE[letter.charCodeAt(0)] = byte;

const hex = (bytes: Uint8Array, at: number): number => {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i] as number;
    const digit = byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
    if (digit < 0 || digit > 15) return -1;
    value = value * 16 + digit;
  }
  return value;
};

/** The code point of `\uXXXX` or of a pair of them; half a pair is U+FFFD, anything else -1. */
function unicode(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== 0x75) return -1;
  const high = hex(bytes, at + 2);
  if (high < 0xd800 || high > 0xdfff) return high;
  const low = high < 0xdc00 && bytes[at + 6] === BACKSLASH && bytes[at + 7] === 0x75 ? hex(bytes, at + 8) : -1;
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
}

function putCodePoint(out: Uint8Array, to: number, code: number): number {
  if (code < 0x80) {
    out[to] = code;
    return to + 1;
  }
  if (code < 0x800) {
    out[to] = 0xc0 | (code >> 6);
    out[to + 1] = 0x80 | (code & 0x3f);
    return to + 2;
  }
  if (code < 0x10000) {
    out[to] = 0xe0 | (code >> 12);
    out[to + 1] = 0x80 | ((code >> 6) & 0x3f);
    out[to + 2] = 0x80 | (code & 0x3f);
    return to + 3;
  }
  out[to] = 0xf0 | (code >> 18);
  out[to + 1] = 0x80 | ((code >> 12) & 0x3f);
  out[to + 2] = 0x80 | ((code >> 6) & 0x3f);
  out[to + 3] = 0x80 | (code & 0x3f);
  return to + 4;
}

interface Decoded {
  stream: 1 | 2;
  /** End of the text in `out`, which begins at `used` plus the room for a time. */
  to: number;
  time: Uint8Array;
  timeAt: number;
}

/** Keeps the text that was written behind `used`, with its time where one is wanted, if it passes the filter. */
function accept(decoder: Decoder, { stream, to, time, timeAt }: Decoded): void {
  const { out, used, runs, since, until } = decoder;
  if (since && compareTime(time, timeAt, since) < 0) return;
  if (until && compareTime(time, timeAt, until) > 0) return;
  let end = to;
  const room = roomOf(decoder);
  if (room > 0) {
    const text = used + room;
    if (decoder.lineStart[stream]) {
      if (decoder.timestamps) {
        for (let i = 0; i < TIME_LENGTH; i++) out[used + i] = time[timeAt + i] as number;
        out[used + TIME_LENGTH] = SPACE;
      }
      if (decoder.details) out[text - 1] = SPACE;
    } else {
      out.copyWithin(used, text, to);
      end = used + to - text;
    }
  }
  if (end === used) return;
  decoder.lineStart[stream] = out[end - 1] === NEWLINE;
  decoder.used = end;
  if (runs[runs.length - 2] === stream) runs[runs.length - 1] = end;
  else runs.push(stream, end);
}

function compareTime(bytes: Uint8Array, at: number, other: Uint8Array): number {
  for (let i = 0; i < TIME_LENGTH; i++) {
    const difference = (bytes[at + i] as number) - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

const utf8 = new TextDecoder();
const encoder = new TextEncoder();

/** An entry of any layout, by JSON.parse; corrupt ones are counted and skipped. Returns `start` when its end is not there yet. */
function decodeSlowly(decoder: Decoder, bytes: Uint8Array, start: number, length: number): number {
  const newline = bytes.indexOf(NEWLINE, start);
  if (newline < 0 || newline >= length) return start;
  const end = newline + 1;
  if (newline === start) return end;
  const entry = parseEntry(utf8.decode(bytes.subarray(start, newline)));
  if (!entry) {
    decoder.corrupt++;
    return end;
  }
  const from = decoder.used + roomOf(decoder);
  const { written } = encoder.encodeInto(entry.log, decoder.out.subarray(from));
  accept(decoder, { stream: entry.stream, to: from + written, time: encoder.encode(entry.time), timeAt: 0 });
  return end;
}

function parseEntry(text: string): { log: string; stream: 1 | 2; time: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // counted as corrupt by the caller
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { log, stream, time } = value as Record<string, unknown>;
  if (typeof log !== "string" || typeof time !== "string" || (stream !== "stdout" && stream !== "stderr")) return undefined;
  const full = fullTime(time);
  return full === undefined ? undefined : { log, stream: stream === "stdout" ? 1 : 2, time: full };
}

/** Go leaves zeroes at the end of the fraction out: `12:00:00Z`, `12:00:00.5Z`. */
function fullTime(time: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(time);
  return match ? `${match[1]}.${(match[2] ?? "").padEnd(9, "0")}Z` : undefined;
}
