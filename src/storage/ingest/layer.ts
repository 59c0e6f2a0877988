/**
 * One layer on its way into the store, in a single pass:
 *
 *     source ──> blob file + sha256 ──> decompress ──> sha256 (diff id) ──> unpack into tmp/…/<n>/diff
 *
 * Nothing gets its final name before size, digest and diff id were found right.
 */
import { createReadStream, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { HoyError } from "../../spec/error.ts";
import { OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from "../../spec/mediatypes.ts";
import type { Store } from "../../state/store.ts";
import { type Compression, decompress } from "../compression.ts";
import { type BlobWriter, blobPath, blobWriter, hasBlob, openBlob } from "../content.ts";
import { blobsOfDiff } from "../layers.ts";
import type { Lease } from "../lease.ts";
import type { ByteSource } from "../tar/reader.ts";
import { type UnpackedLayer, unpackLayer } from "../unpack.ts";
import { abortable, hashed, keep, lend } from "./streams.ts";

export interface LayerSource {
  /** Digest and size of the blob as the manifest has them; undefined where nothing announces them (Docker archives). */
  digest: string | undefined;
  size: number | undefined;
  /** Where it comes from, for messages: `registry ghcr.io`. */
  origin?: string;
  /** Undefined: by what the bytes are. */
  mediaType: string | undefined;
  /** Digest of the uncompressed tar. */
  diffId: string;
  /** Starts to read the blob; called at most once. */
  open(): ByteSource;
  /** The blob as a file in a lease's folder, already hashed: it is read from there, then moved, not copied. */
  file?: SpooledFile;
}

export interface SpooledFile {
  path: string;
  digest: string;
  size: number;
}

export type LayerPhase = "waiting" | "exists" | "downloading" | "extracting" | "done";

export interface FetchedLayer {
  unpacked: UnpackedLayer;
  blob: { digest: string; size: number; mediaType: string };
}

export interface FetchContext {
  store: Store;
  /** Holds every blob that the layer is recorded with, announced or not. */
  lease: Lease;
  /** Where the layer is unpacked to: `<folder>/diff` is made. */
  folder: string;
  signal: AbortSignal;
  onProgress(phase: LayerPhase, bytes: number, total: number): void;
}

/** A stored blob of the same tar, whichever image brought it; leased, as that image may be removed at any time. */
function storedBlob({ store, lease }: FetchContext, source: LayerSource): { digest: string; size: number; mediaType: string } | undefined {
  const known = () => blobsOfDiff(store, source.diffId).filter(({ digest }) => hasBlob(store, digest));
  for (const { digest } of known()) lease.keep(digest);
  const kept = known();
  return kept.find(({ digest }) => digest === source.digest) ?? kept[0];
}

/** Reads a layer (from the store where its blob is there already) and unpacks it. Throws HoyError; then nothing was kept. */
export async function fetchLayer(source: LayerSource, context: FetchContext): Promise<FetchedLayer> {
  const { store, lease, folder, signal, onProgress } = context;
  const what = `layer ${source.digest ?? source.diffId}${source.origin === undefined ? "" : ` from ${source.origin}`}`;
  mkdirSync(join(folder, "diff"), { recursive: true, mode: 0o700 });
  const stored = storedBlob(context, source);
  if (stored) {
    const total = stored.size;
    const bytes = counted(openBlob(store, stored.digest), (read) => onProgress("extracting", read, total));
    return { unpacked: (await unpackBlob(abortable(bytes, signal), source, { context, what })).unpacked, blob: stored };
  }
  if (source.file) return takeFile(source, source.file, { context, what });
  using blob = blobWriter(store, lease, { digest: source.digest, size: source.size, what });
  const total = source.size ?? 0;
  const input = keep(abortable(source.open(), signal), blob, (read) => onProgress("downloading", read, total));
  const { unpacked, compression } = await unpackDownload(input, source, { context, what, blob });
  return { unpacked, blob: { ...blob.commit(), mediaType: source.mediaType ?? MEDIA_TYPES[compression] } };
}

/** What cannot be unpacked is, mostly, not what was asked for: then that is the error, and so the rest is read and hashed too. */
async function unpackDownload(
  input: AsyncGenerator<Uint8Array>,
  source: LayerSource,
  { context, what, blob }: Named & { blob: BlobWriter },
): Promise<UnpackedBlob> {
  let broken = false;
  /** The same bytes, of which a reader that gives up leaves the rest. */
  async function next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await input.next();
    } catch (error) {
      broken = true;
      throw error;
    }
  }
  try {
    return await unpackBlob({ [Symbol.asyncIterator]: () => ({ next }) }, source, { context, what });
  } catch (error) {
    // without an announced size and digest there is nothing to compare, and perhaps no end
    const announced = source.size !== undefined && source.digest !== undefined;
    if (!(error instanceof HoyError) || broken || !announced || context.signal.aborted) throw error;
    await readRest(input).catch(() => Promise.reject(error));
    blob.commit();
    throw error.message.startsWith(what) ? error : new HoyError(`${what}: ${error.message}`, { cause: error });
  } finally {
    // not awaited: see abortable
    input.return(undefined).catch(() => undefined);
  }
}

async function readRest(input: AsyncGenerator<Uint8Array>): Promise<void> {
  for (let step = await input.next(); !step.done; step = await input.next());
}

const MEDIA_TYPES = { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD } as const;

async function takeFile(source: LayerSource, file: SpooledFile, { context, what }: Named): Promise<FetchedLayer> {
  const { store, lease, signal, onProgress } = context;
  if (source.digest !== undefined && source.digest !== file.digest)
    throw new HoyError(`${what}: wrong content, its digest is ${file.digest}`);
  if (source.size !== undefined && source.size !== file.size)
    throw new HoyError(`${what}: ${file.size} bytes instead of the announced ${source.size}`);
  const bytes = counted(createReadStream(file.path, { highWaterMark: 1 << 20 }), (read) => onProgress("extracting", read, file.size));
  const { unpacked, compression } = await unpackBlob(abortable(bytes, signal), source, { context, what });
  lease.keep(file.digest);
  renameSync(file.path, blobPath(store, file.digest));
  return { unpacked, blob: { digest: file.digest, size: file.size, mediaType: source.mediaType ?? MEDIA_TYPES[compression] } };
}

interface Named {
  context: FetchContext;
  /** What errors call the layer. */
  what: string;
}

interface UnpackedBlob {
  unpacked: UnpackedLayer;
  compression: Compression;
}

async function unpackBlob(input: ByteSource, source: LayerSource, { context, what }: Named): Promise<UnpackedBlob> {
  using lent = lend(input);
  const { stream, compression } = await decompress(lent.stream, what);
  const hash = new Bun.CryptoHasher("sha256");
  const tar = hashed(stream, hash);
  const unpacked = await unpackLayer(tar, { root: join(context.folder, "diff"), rootless: context.store.rootless });
  // Whatever follows the end of the compressed stream counts for the blob's digest.
  await lent.drain();
  const diffId = `sha256:${hash.digest("hex")}`;
  if (diffId !== source.diffId) throw new HoyError(`${what}: its content has the digest ${diffId} instead of ${source.diffId}`);
  return { unpacked, compression };
}

async function* counted(source: ByteSource, onBytes: (read: number) => void): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of source) {
    read += chunk.length;
    onBytes(read);
    yield chunk;
  }
}
