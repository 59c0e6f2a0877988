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

/** Reads what a consumer left, so that all of a stream is hashed and counted. */
export async function drain(source: ByteSource): Promise<void> {
  for await (const _ of source);
}
