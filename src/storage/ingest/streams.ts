/** Streams between the network and the disk. */
import type { BlobWriter } from "../content.ts";
import type { ByteSource } from "../tar/reader.ts";

/**
 * The source until `signal` is aborted, even while it waits for bytes that never come. A promise of its own for each step: a
 * Promise.race against one long-lived promise would keep every chunk alive until the end (100 MiB for a layer of 100 MiB).
 */
export async function* abortable(source: ByteSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let fail: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const next = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      fail = reject;
      if (signal.aborted) reject(signal.reason);
      else chunks.next().then(resolve, reject);
    });
  let finished = false;
  try {
    for (let step = await next(); !step.done; step = await next()) yield step.value;
    finished = true;
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that hangs would hang here again.
    if (!finished) chunks.return?.().catch(() => undefined);
  }
}

/** Copies what goes through into a blob. */
export async function* keep(source: ByteSource, blob: BlobWriter, onBytes: (total: number) => void): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of source) {
    blob.write(chunk);
    total += chunk.length;
    onBytes(total);
    yield chunk;
  }
}

/** Feeds what goes through to a hash. */
export async function* hashed(source: ByteSource, hash: Bun.CryptoHasher): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

export interface LentSource extends Disposable {
  /** For a reader that may stop before the end: closing it closes nothing here. */
  readonly stream: ByteSource;
  /** Reads what that reader left, so that all of the source is hashed and counted. */
  drain(): Promise<void>;
}

/** A source that outlives its first reader: an unpacker leaves at the end of what is packed, which need not be the end of the bytes. */
export function lend(source: ByteSource): LentSource {
  const chunks = source[Symbol.asyncIterator]();
  let latest: Promise<IteratorResult<Uint8Array>> | undefined;
  const next = (): Promise<IteratorResult<Uint8Array>> => {
    latest = chunks.next();
    return latest;
  };
  return {
    stream: { [Symbol.asyncIterator]: () => ({ next }) },
    async drain() {
      // The reader may have asked for more than it stayed to see: how that ended is part of the answer.
      for (let step = await (latest ?? next()); !step.done; step = await next());
    },
    // Not awaited: a source that hangs would hang here.
    [Symbol.dispose]: () => void chunks.return?.().catch(() => undefined),
  };
}
