/**
 * Values of D-Bus as bytes and back, little endian (D-Bus Specification, "Marshaling (Wire Format)"). 64-bit integers are bigint,
 * structures and dictionary entries are arrays of their members; arrays of bytes may be given as Uint8Array.
 */
import { alignmentOf, splitSignature } from "./signature.ts";

/** A value with the type that it has for D-Bus. */
export interface Variant {
  signature: string;
  value: Value;
}

export type Value = string | number | bigint | boolean | Variant | Uint8Array | readonly Value[];

export const variant = (signature: string, value: Value): Variant => ({ signature, value });

const padded = (at: number, alignment: number): number => Math.ceil(at / alignment) * alignment;

/** Collects bytes; grows as needed. */
class Writer {
  #buffer = Buffer.alloc(512);
  #used = 0;

  align(alignment: number): void {
    this.#space(padded(this.#used, alignment) - this.#used);
  }

  /** So many bytes, zero; returns where they lie. */
  #space(size: number): number {
    const at = this.#used;
    this.#used += size;
    if (this.#used > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#used, this.#buffer.length * 2));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return at;
  }

  write(type: string, value: Value): void {
    this.align(alignmentOf(type));
    switch (type.charAt(0)) {
      case "y": {
        const at = this.#space(1); // before the buffer is named: it may be another one afterwards
        this.#buffer.writeUInt8(value as number, at);
        return;
      }
      case "n":
      case "q": {
        const at = this.#space(2);
        if (type === "n") this.#buffer.writeInt16LE(value as number, at);
        else this.#buffer.writeUInt16LE(value as number, at);
        return;
      }
      case "b":
      case "u":
        this.#unsigned(Number(value));
        return;
      case "i": {
        const at = this.#space(4);
        this.#buffer.writeInt32LE(value as number, at);
        return;
      }
      case "x":
      case "t": {
        const at = this.#space(8);
        if (type === "x") this.#buffer.writeBigInt64LE(BigInt(value as bigint), at);
        else this.#buffer.writeBigUInt64LE(BigInt(value as bigint), at);
        return;
      }
      case "d": {
        const at = this.#space(8);
        this.#buffer.writeDoubleLE(value as number, at);
        return;
      }
      case "s":
      case "o":
        this.#unsigned(Buffer.byteLength(value as string));
        this.#text(value as string);
        return;
      case "g":
        this.write("y", (value as string).length);
        this.#text(value as string);
        return;
      case "v": {
        const { signature, value: inner } = value as Variant;
        this.write("g", signature);
        this.write(signature, inner);
        return;
      }
      case "a":
        this.#array(type.slice(1), value as readonly Value[] | Uint8Array);
        return;
      default: {
        const members = value as readonly Value[];
        for (const [index, member] of splitSignature(type.slice(1, -1)).entries()) this.write(member, members[index] as Value);
      }
    }
  }

  #unsigned(value: number): void {
    const at = this.#space(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  #text(text: string): void {
    if (text.includes("\0")) throw new RangeError("a string of D-Bus holds no NUL");
    const at = this.#space(Buffer.byteLength(text) + 1);
    this.#buffer.write(text, at);
  }

  /** The length does not count the padding before the first element. */
  #array(element: string, values: Iterable<Value>): void {
    const length = this.#space(4);
    this.align(alignmentOf(element));
    const from = this.#used;
    for (const value of values) this.write(element, value);
    this.#buffer.writeUInt32LE(this.#used - from, length);
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }
}

/** Values of a signature's types as bytes that begin at a multiple of eight. Throws RangeError for a value that its type cannot hold. */
export function encode(signature: string, values: readonly Value[]): Buffer {
  const writer = new Writer();
  for (const [index, type] of splitSignature(signature).entries()) writer.write(type, values[index] as Value);
  return writer.bytes;
}

/** Reads values from bytes that begin at a multiple of eight. */
class Reader {
  constructor(
    readonly bytes: Buffer,
    public at = 0,
  ) {}

  #take(size: number): number {
    const at = this.at;
    this.at += size;
    return at;
  }

  #text(length: number): string {
    const from = this.#take(length + 1);
    return this.bytes.toString("utf8", from, from + length);
  }

  read(type: string): Value {
    this.at = padded(this.at, alignmentOf(type));
    switch (type.charAt(0)) {
      case "y":
        return this.bytes.readUInt8(this.#take(1));
      case "n":
        return this.bytes.readInt16LE(this.#take(2));
      case "q":
        return this.bytes.readUInt16LE(this.#take(2));
      case "b":
        return this.bytes.readUInt32LE(this.#take(4)) === 1;
      case "i":
        return this.bytes.readInt32LE(this.#take(4));
      case "u":
        return this.bytes.readUInt32LE(this.#take(4));
      case "x":
        return this.bytes.readBigInt64LE(this.#take(8));
      case "t":
        return this.bytes.readBigUInt64LE(this.#take(8));
      case "d":
        return this.bytes.readDoubleLE(this.#take(8));
      case "s":
      case "o":
        return this.#text(this.bytes.readUInt32LE(this.#take(4)));
      case "g":
        return this.#text(this.bytes.readUInt8(this.#take(1)));
      case "v": {
        const signature = this.read("g") as string;
        return { signature, value: this.read(signature) };
      }
      case "a":
        return this.#array(type.slice(1));
      default:
        return splitSignature(type.slice(1, -1)).map((member) => this.read(member));
    }
  }

  #array(element: string): Value[] {
    const length = this.bytes.readUInt32LE(this.#take(4));
    this.at = padded(this.at, alignmentOf(element));
    const end = this.at + length;
    const values: Value[] = [];
    while (this.at < end) values.push(this.read(element));
    return values;
  }
}

/** The values of a signature's types, from bytes that begin at a multiple of eight. Throws RangeError where the bytes end too soon. */
export function decode(signature: string, bytes: Buffer): Value[] {
  const reader = new Reader(bytes);
  return splitSignature(signature).map((type) => reader.read(type));
}
