/**
 * A profile in the form that the kernel loads (Linux security/apparmor/policy_unpack.c): tagged values, numbers little-endian, and the
 * automata of its rules.
 */
import { automaton, type Rule } from "./automaton.ts";
import { encodeAutomaton } from "./tables.ts";

export interface Profile {
  name: string;
  /** Over paths, and `old\0new` of a link. */
  files: readonly Rule[];
  /** Over everything else: the first byte is the class of the question. A class without a rule is not restricted. */
  others: readonly Rule[];
}

/**
 * The oldest version of the interface that takes every class of rules, so that each kernel from 4.13 on loads it and each newer one
 * reads it alike; with it the policy's version 2 in bits 12 to 15 and apparmor_parser's in 16 to 25, which the kernel does not read.
 */
const INTERFACE = 0x202007;

const Tag = { u32: 2, name: 4, string: 5, blob: 6, struct: 7, end: 8 } as const;
const ALL = 0xffffffff;
/** PATH_MEDIATE_DELETED and PATH_CONNECT_PATH: flags=(attach_disconnected,mediate_deleted). */
const PATH_FLAGS = 0x10000 | 0x4;

class Writer {
  readonly parts: Buffer[] = [];
  size = 0;

  #put(part: Buffer): this {
    this.parts.push(part);
    this.size += part.length;
    return this;
  }

  #text(tag: number, text: string): this {
    const bytes = Buffer.from(`${text}\0`);
    return this.#put(Buffer.from([tag, bytes.length & 255, bytes.length >> 8])).#put(bytes);
  }

  name(name: string): this {
    return this.#text(Tag.name, name);
  }

  string(text: string): this {
    return this.#text(Tag.string, text);
  }

  u32(...values: number[]): this {
    for (const value of values) {
      const bytes = Buffer.alloc(5);
      bytes[0] = Tag.u32;
      bytes.writeUInt32LE(value, 1);
      this.#put(bytes);
    }
    return this;
  }

  struct(name: string): this {
    return this.name(name).#put(Buffer.from([Tag.struct]));
  }

  end(): this {
    return this.#put(Buffer.from([Tag.end]));
  }

  /** The tables begin at a multiple of eight from the start of the whole. */
  automaton(rules: readonly Rule[]): this {
    const tables = encodeAutomaton(automaton(rules));
    this.name("aadfa");
    const padding = -(this.size + 5) & 7;
    const head = Buffer.alloc(5 + padding);
    head[0] = Tag.blob;
    head.writeUInt32LE(padding + tables.length, 1);
    return this.#put(head).#put(tables);
  }
}

/** The whole, to be written to `.load` or `.replace` of apparmorfs in one go. All capabilities are left to the container's own sets. */
export function encodeProfile({ name, files, others }: Profile): Buffer {
  const writer = new Writer();
  writer.name("version").u32(INTERFACE);
  writer.struct("profile").string(name);
  // no hat; enforced; audits what is denied only
  writer.struct("flags").u32(0, 0, 0).end();
  writer.name("path_flags").u32(PATH_FLAGS);
  // allowed, audited, denied in silence, dropped
  writer.u32(ALL, 0, 0, 0).struct("caps64").u32(ALL, 0, 0, 0).end();
  writer.struct("policydb").automaton(others).end();
  writer.automaton(files).end();
  return Buffer.concat(writer.parts);
}
