/** Layers as they travel: gzip, zstd or plain. The first bytes decide, as media types are often wrong. Everything streams. */
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { HoyError } from "../spec/error.ts";
import { asBuffer, type ByteSource } from "./tar/reader.ts";
import { zstdFrames } from "./zstd-frames.ts";

export type Compression = "none" | "gzip" | "zstd";

/** 64 KiB, the default, is much slower; 1 MiB is little faster and holds more memory. */
const CHUNK = 1 << 17;
const ZSTD_MAGIC = 0xfd2fb528;
/** What others pack with; no tar begins so. */
const FOREIGN = [
  { name: "xz", magic: /^\xfd7zX/ },
  { name: "bzip2", magic: /^BZh[1-9]/ },
];
/** Frames that a reader has to skip (RFC 8878, 3.1.2): a stream may begin with one. */
const isSkippable = (magic: number): boolean => magic >>> 4 === 0x184d2a5;

/** What a stream that begins with these bytes (4 are enough) is packed with. */
export function detectCompression(head: Uint8Array): Compression {
  const bytes = asBuffer(head);
  if (bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (bytes.length < 4) return "none";
  const magic = bytes.readUInt32LE(0);
  return magic === ZSTD_MAGIC || isSkippable(magic) ? "zstd" : "none";
}

export interface Decompressed {
  compression: Compression;
  /** The plain bytes. Throws HoyError for a stream that is corrupt or cut off. */
  stream: ByteSource;
}

/** Reads the head of `source` and takes away whatever it is packed with. `what` names the stream in errors. */
export async function decompress(source: ByteSource, what: string): Promise<Decompressed> {
  const chunks = source[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  let length = 0;
  while (length < 4) {
    const { done, value } = await chunks.next();
    if (done) break;
    head.push(asBuffer(value));
    length += value.length;
  }
  const first = head.length === 1 ? (head[0] as Buffer) : Buffer.concat(head);
  const foreign = FOREIGN.find(({ magic }) => magic.test(first.toString("latin1", 0, 4)));
  if (foreign) {
    await chunks.return?.();
    throw new HoyError(`${what}: ${foreign.name} is not supported, only gzip and zstd`, {
      hint: `unpack it with ${foreign.name} -d first`,
    });
  }
  const compression = detectCompression(first);
  const whole = resume(head, chunks);
  if (compression === "none") return { compression, stream: whole };
  const failure = `${what}: corrupt ${compression} stream`;
  if (compression === "gzip") return { compression, stream: through(whole, createGunzip({ chunkSize: CHUNK }), failure) };
  return { compression, stream: through(checkedFrames(whole, failure), createZstdDecompress({ chunkSize: CHUNK }), failure) };
}

async function* checkedFrames(source: ByteSource, failure: string): AsyncGenerator<Uint8Array> {
  const frames = zstdFrames();
  for await (const chunk of source) {
    const wrong = frames.watch(asBuffer(chunk));
    if (wrong) throw new HoyError(`${failure}: ${wrong}`);
    yield chunk;
  }
  const wrong = frames.end();
  if (wrong) throw new HoyError(`${failure}: ${wrong}`);
}

async function* resume(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    for (let step = await rest.next(); !step.done; step = await rest.next()) yield step.value;
  } finally {
    await rest.return?.();
  }
}

/** The source's own error comes through as it is; the unpacker's becomes a HoyError. */
async function* through(source: ByteSource, unpacker: Gunzip | ZstdDecompress, failure: string): AsyncGenerator<Uint8Array> {
  let sourceError: unknown;
  const input = Readable.from(source, { objectMode: true, highWaterMark: 1 });
  input.once("error", (error) => {
    sourceError = error;
    unpacker.destroy(error);
  });
  input.pipe(unpacker);
  try {
    for await (const chunk of unpacker) yield chunk as Buffer;
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    if (error instanceof Error && /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test((error as NodeJS.ErrnoException).code ?? ""))
      throw new HoyError(`${failure}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    input.destroy();
    unpacker.destroy();
  }
}
