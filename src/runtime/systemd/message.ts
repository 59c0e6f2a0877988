/** Messages of D-Bus (D-Bus Specification, "Message Protocol"): a header with the fields that we use, and a body. */
import { decode, encode, type Value, variant } from "./wire.ts";

export const MessageType = { call: 1, reply: 2, error: 3, signal: 4 } as const;

export interface Message {
  type: number;
  /** Set by who sends it; a reply names that of its call. */
  serial: number;
  replyTo?: number | undefined;
  path?: string | undefined;
  interface?: string | undefined;
  member?: string | undefined;
  errorName?: string | undefined;
  destination?: string | undefined;
  signature: string;
  body: readonly Value[];
}

/** Codes of the header fields ("Header Fields"), with their types. */
const FIELDS = [
  ["path", 1, "o"],
  ["interface", 2, "s"],
  ["member", 3, "s"],
  ["errorName", 4, "s"],
  ["replyTo", 5, "u"],
  ["destination", 6, "s"],
] as const;
const SIGNATURE = 8;

const HEADER = "yyyyuua(yv)";
const VERSION = 1;
const LITTLE_ENDIAN = 0x6c;
/** Of the header: byte order to the length of the array of fields. */
const FIXED = 16;
/** "Maximum message length". */
const LONGEST = 128 << 20;

const padded = (length: number): number => Math.ceil(length / 8) * 8;

export function encodeMessage(message: Message): Buffer {
  const body = encode(message.signature, message.body);
  const fields: Value[] = FIELDS.flatMap(([name, code, type]): Value[] => {
    const value = message[name];
    return value === undefined ? [] : [[code, variant(type, value)]];
  });
  if (message.signature !== "") fields.push([SIGNATURE, variant("g", message.signature)]);
  const header = encode(HEADER, [LITTLE_ENDIAN, message.type, 0, VERSION, body.length, message.serial, fields]);
  return Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length), body]);
}

/** How many bytes the message is long that begins with these; undefined while too few of them are there. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED) return undefined;
  if (bytes[0] !== LITTLE_ENDIAN) throw new RangeError("the bus speaks in big endian");
  const length = padded(FIXED + bytes.readUInt32LE(12)) + bytes.readUInt32LE(4);
  if (length > LONGEST) throw new RangeError(`a message of ${length} bytes is longer than D-Bus allows`);
  return length;
}

/** One whole message. Throws RangeError for what is none. */
export function decodeMessage(bytes: Buffer): Message {
  const [, type, , , bodyLength, serial, fields] = decode(HEADER, bytes) as [number, number, number, number, number, number, Value[]];
  const message: Message = { type, serial, signature: "", body: [] };
  for (const field of fields) {
    const [code, { value }] = field as unknown as [number, { value: string & number }];
    const known = FIELDS.find(([, number]) => number === code);
    if (known) message[known[0]] = value;
    if (code === SIGNATURE) message.signature = value;
  }
  message.body = decode(message.signature, bytes.subarray(bytes.length - bodyLength));
  return message;
}
