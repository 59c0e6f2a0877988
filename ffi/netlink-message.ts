/** Netlink messages (netlink(7), RFC 3549) written one after another into one growing buffer, to be sent in one call. */

const HEADER = 16;
const NESTED = 0x8000;

/** Flags of a request; NLM_F_ACK is added by `NetlinkSocket.send`. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_EXCL = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** What the sender of a message has to know when the kernel answers it. */
export interface MessageMeta {
  /** What the message does, in words for an error: `add bridge hoy0`. */
  readonly step: string;
  /** Errnos that count as success. */
  readonly ignore: readonly number[];
  /** Whether an acknowledgement is asked for. */
  readonly ack: boolean;
}

export interface MessageHead {
  step: string;
  type: number;
  /** NLM_F_* besides NLM_F_REQUEST and NLM_F_ACK. */
  flags?: number;
  ignore?: readonly number[];
  /** False for the ends of a batch of nf_tables and for dumps. */
  ack?: boolean;
}

/** Messages under construction. Numbers are in the machine's order unless the name says otherwise. */
export class Messages {
  #bytes = Buffer.alloc(2048);
  #used = 0;
  #start = -1;
  readonly meta: MessageMeta[] = [];

  /** Begins a message; what follows belongs to it. */
  begin({ step, type, flags = 0, ignore = [], ack = true }: MessageHead): this {
    this.#close();
    this.#start = this.#used;
    this.#reserve(HEADER);
    this.#bytes.writeUInt16LE(type, this.#start + 4);
    this.#bytes.writeUInt16LE(flags | NLM_F_REQUEST | (ack ? NLM_F_ACK : 0), this.#start + 6);
    this.#bytes.writeUInt32LE(this.meta.length, this.#start + 8);
    this.meta.push({ step, ignore, ack });
    return this;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    this.#bytes.writeUInt16LE(value, this.#reserve(2));
    return this;
  }

  u16be(value: number): this {
    this.#bytes.writeUInt16BE(value, this.#reserve(2));
    return this;
  }

  u32(value: number): this {
    this.#bytes.writeUInt32LE(value >>> 0, this.#reserve(4));
    return this;
  }

  attr(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  attrU32(type: number, value: number): this {
    this.#bytes.writeUInt32LE(value >>> 0, this.#attribute(type, 4));
    return this;
  }

  /** In network order, as all numbers of nf_tables are. */
  attrU32be(type: number, value: number): this {
    this.#bytes.writeUInt32BE(value >>> 0, this.#attribute(type, 4));
    return this;
  }

  /** A NUL-terminated string. */
  attrString(type: number, text: string): this {
    const at = this.#attribute(type, Buffer.byteLength(text) + 1);
    this.#bytes.write(text, at, "utf8");
    return this;
  }

  /** An attribute made of attributes. */
  nest(type: number, fill: (messages: this) => void): this {
    const at = this.#attribute(type | NESTED, 0) - 4;
    fill(this);
    this.#bytes.writeUInt16LE(this.#used - at, at);
    return this;
  }

  /** The complete messages, their sequence numbers counted from `firstSequence`. Valid until the next change. */
  finish(firstSequence: number): Buffer {
    this.#close();
    this.#start = -1;
    for (let at = 0, index = 0; at < this.#used; at += this.#bytes.readUInt32LE(at)) {
      this.#bytes.writeUInt32LE((firstSequence + index++) >>> 0, at + 8);
    }
    return this.#bytes.subarray(0, this.#used);
  }

  /** Header of an attribute and room for its value, padded to four bytes with zeros. Returns where the value goes. */
  #attribute(type: number, size: number): number {
    const at = this.#reserve(4 + ((size + 3) & ~3));
    this.#bytes.writeUInt16LE(4 + size, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    return at + 4;
  }

  #close(): void {
    if (this.#start < 0) return;
    this.#reserve(-this.#used & 3);
    this.#bytes.writeUInt32LE(this.#used - this.#start, this.#start);
  }

  #reserve(size: number): number {
    const at = this.#used;
    this.#used += size;
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#used, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    return at;
  }
}

/** The attributes in `bytes` from `at` on, by type without its flags. The values are views. A type that repeats keeps its last value. */
export function readAttributes(bytes: Buffer, at = 0): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (const [type, value] of attributeList(bytes, at)) found.set(type, value);
  return found;
}

/** The same in their order, repeated types too. */
export function attributeList(bytes: Buffer, at = 0): [type: number, value: Buffer][] {
  const found: [number, Buffer][] = [];
  for (let next = at; next + 4 <= bytes.length; ) {
    const size = bytes.readUInt16LE(next);
    if (size < 4 || next + size > bytes.length) break;
    found.push([bytes.readUInt16LE(next + 2) & 0x3fff, bytes.subarray(next + 4, next + size)]);
    next += (size + 3) & ~3;
  }
  return found;
}

/** Text of a NUL-terminated attribute. */
export const attributeText = (value: Buffer | undefined): string => value?.toString("utf8").replace(/\0.*$/s, "") ?? "";
