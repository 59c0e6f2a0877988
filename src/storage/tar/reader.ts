/** Tar archives as an async iteration of members, for callers that read a few files; layers are unpacked by the parser's events. */
import type { TarEntry } from "./entry.ts";
import { tarParser } from "./parser.ts";

/** Any stream of bytes: a file, a response's body, a decompressor. */
export type ByteSource = AsyncIterable<Uint8Array>;

export interface TarMember {
  entry: TarEntry;
  /** The file's bytes with its holes filled; what is not read is skipped. Valid until the next member is asked for. */
  body: ByteSource;
}

export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type TarEvent = { kind: "entry"; entry: TarEntry } | { kind: "data"; bytes: Buffer; offset: number } | { kind: "end" };

/** The parser's calls for a whole stream, which is read to its end. Throws HoyError for a corrupt or cut archive. */
async function* tarEvents(source: ByteSource): AsyncGenerator<TarEvent> {
  let events: TarEvent[] = [];
  const parser = tarParser({
    entry: (entry) => void events.push({ kind: "entry", entry }),
    data: (bytes, offset) => void events.push({ kind: "data", bytes, offset }),
    end: () => void events.push({ kind: "end" }),
  });
  for await (const chunk of source) {
    parser.feed(asBuffer(chunk));
    yield* events;
    events = [];
  }
  parser.finish();
}

const zeros = Buffer.alloc(1 << 16);

function* hole(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= zeros.length) yield zeros.subarray(0, Math.min(left, zeros.length));
}

/** The members of an archive, one after another. Throws HoyError for a corrupt or cut archive. */
export async function* readTar(source: ByteSource): AsyncGenerator<TarMember> {
  const events = tarEvents(source);
  try {
    for (;;) {
      const step = await events.next();
      if (step.done) return;
      if (step.value.kind !== "entry") continue;
      yield { entry: step.value.entry, body: readBody(events, step.value.entry) };
    }
  } finally {
    await events.return(undefined);
  }
}

async function* readBody(events: AsyncGenerator<TarEvent>, entry: TarEntry): AsyncGenerator<Buffer> {
  let position = 0;
  for (;;) {
    const step = await events.next();
    if (step.done || step.value.kind !== "data") break;
    const { bytes, offset } = step.value;
    yield* hole(offset - position);
    yield bytes;
    position = offset + bytes.length;
  }
  yield* hole(entry.size - position);
}

/** All bytes of a small body; throws the error that `tooLarge` makes when it is longer than `limit`. */
export async function readAll(body: ByteSource, limit: number, tooLarge: () => Error): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const bytes of body) {
    size += bytes.length;
    if (size > limit) throw tooLarge();
    parts.push(Buffer.from(bytes));
  }
  return Buffer.concat(parts);
}
