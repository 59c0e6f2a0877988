/**
 * Watches a zstd stream go by and knows whether it ended where a frame ends (RFC 8878, 3.1): Bun's decompressor takes a stream
 * that is cut off, or followed by rubbish, for a whole one.
 */

const FRAME = 0xfd2fb528;
const BLOCK_HEADER = 3;
const CHECKSUM = 4;

export interface ZstdFrames {
  /** Looks at the next bytes; what is wrong with them, or undefined. */
  watch(bytes: Buffer): string | undefined;
  /** What is wrong with an end here, or undefined. */
  end(): string | undefined;
}

type Part = "magic" | "skippable size" | "descriptor" | "block header" | "content";

/** Bytes of a frame header behind its descriptor byte. */
function headerSize(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0;
  const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  return (single ? 0 : 1) + dictionary + contentSize;
}

export function zstdFrames(): ZstdFrames {
  const field = Buffer.alloc(4);
  let part: Part = "magic";
  /** Bytes of the part that are still to come. */
  let left = 4;
  let filled = 0;
  let checksum = false;
  /** What follows the content that is jumped over. */
  let next: Part = "magic";

  function expect(what: Part, size: number): void {
    part = what;
    left = size;
    filled = 0;
  }

  function jump(size: number, then: Part): void {
    next = then;
    expect("content", size);
  }

  /** The field is complete: what comes next. Returns what is wrong with it. */
  function complete(): string | undefined {
    const value = field.readUInt32LE(0);
    field.fill(0);
    switch (part) {
      case "magic":
        if (value >>> 4 === 0x184d2a5) expect("skippable size", 4);
        else if (value === FRAME) expect("descriptor", 1);
        else return "no frame where one should begin";
        return undefined;
      case "skippable size":
        jump(value, "magic");
        return undefined;
      case "descriptor":
        checksum = (value & 4) !== 0;
        jump(headerSize(value), "block header");
        return undefined;
      case "block header": {
        const type = (value >> 1) & 3;
        if (type === 3) return "a block of an unknown type";
        const last = (value & 1) !== 0;
        const size = (type === 1 ? 1 : value >> 3) + (last && checksum ? CHECKSUM : 0);
        jump(size, last ? "magic" : "block header");
        return undefined;
      }
    }
    return undefined;
  }

  function watch(bytes: Buffer): string | undefined {
    for (let at = 0; at < bytes.length || left === 0; ) {
      if (part === "content") {
        const step = Math.min(left, bytes.length - at);
        left -= step;
        at += step;
        if (left === 0) expect(next, next === "magic" ? 4 : BLOCK_HEADER);
        continue;
      }
      const copied = bytes.copy(field, filled, at, at + left);
      filled += copied;
      left -= copied;
      at += copied;
      const wrong = left === 0 ? complete() : undefined;
      if (wrong) return wrong;
    }
    return undefined;
  }

  return { watch, end: () => (part === "magic" && filled === 0 ? undefined : "unexpected end of file") };
}
