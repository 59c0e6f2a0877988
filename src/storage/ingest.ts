/**
 * Images on their way into the store. Layers come in parallel and are added from the lowest up, each under its lock, so that
 * processes that pull the same share the work; a lease keeps them until the image's own transaction.
 */
import { join } from "node:path";
import { HoyError } from "../spec/error.ts";
import type { ImageConfig } from "../spec/image.ts";
import { OCI_CONFIG, OCI_MANIFEST } from "../spec/mediatypes.ts";
import type { Store } from "../state/store.ts";
import { collectGarbage } from "./collect.ts";
import { digestOf, writeBlob } from "./content.ts";
import type { ImageRecord } from "./images.ts";
import { findImageById } from "./images.ts";
import { type FetchedLayer, fetchLayer, type LayerPhase, type LayerSource } from "./ingest/layer.ts";
import { lockLayer } from "./ingest/lock.ts";
import { addLayer, chainIds, findLayer, hasLayer, layerFolder, recordBlob } from "./layers.ts";
import { awaitCollections, type Lease, sweepTemporary, takeLease } from "./lease.ts";
import { storedManifest } from "./manifest.ts";
import { diskFull, settleLayer } from "./unpack.ts";

export type { LayerPhase, LayerSource };

export interface IngestRequest {
  /** The image config, byte for byte: its digest is the image's id. */
  config: Uint8Array;
  configMediaType?: string;
  /** The manifest it came with, if any. */
  manifest?: Uint8Array;
  manifestMediaType?: string;
  /** The lowest first, one for each diff id of the config. */
  layers: readonly LayerSource[];
  /** `layer` is the source's digest (or diff id); `total` is 0 where the size is unknown. */
  onProgress?: (layer: string, phase: LayerPhase, bytes: number, total: number) => void;
  /** Layers at a time, Docker's 3 by default. */
  parallel?: number;
  signal?: AbortSignal;
  /** Called with the image's id in the transaction that writes it: its names, so that no collection finds it without. */
  onImage?: (id: string) => void;
}

/** Reads and checks an image config. Throws HoyError. */
export async function parseImageConfig(bytes: Uint8Array): Promise<ImageConfig> {
  const [{ imageConfigSchema }, { validate }, { parseDocument }] = await Promise.all([
    import("../spec/image.ts"),
    import("../spec/validate.ts"),
    import("../spec/json.ts"),
  ]);
  const what = `image config ${digestOf(bytes)}`;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HoyError(`${what}: is no text`, { cause });
  }
  return validate(imageConfigSchema, parseDocument(text, what), what);
}

/** Takes an image in and returns its row; an image that is there already costs nothing. Throws HoyError; then nothing is left behind. */
export async function ingestImage(store: Store, request: IngestRequest): Promise<ImageRecord> {
  try {
    return await takeIn(store, request);
  } catch (error) {
    collectAfterFailure(store);
    throw diskFull(error, store.root);
  }
}

/** The layers that did arrive: on a full disk they would be in the way of everything else. */
function collectAfterFailure(store: Store): void {
  try {
    collectGarbage(store);
  } catch {
    // What went wrong first is what counts; the next collection finds the same.
  }
}

async function takeIn(store: Store, request: IngestRequest): Promise<ImageRecord> {
  const config = await parseImageConfig(request.config);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== request.layers.length)
    throw new HoyError(`image config ${digestOf(request.config)} has ${diffIds.length} layers, its manifest ${request.layers.length}`);
  request.layers.forEach((layer, position) => {
    if (layer.diffId !== diffIds[position])
      throw new HoyError(`layer ${position} is ${layer.diffId}, the image config says ${diffIds[position]}`);
  });
  const chain = chainIds(diffIds);
  const documents = [request.config, ...(request.manifest ? [request.manifest] : [])].map(digestOf);
  sweepTemporary(store);
  const blobs = request.layers.map(({ digest, diffId }) => digest ?? diffId);
  using lease = takeLease(store, [...chain, ...documents, ...blobs]);
  awaitCollections(store);
  await ingestLayers(store, request, { chain, lease });
  return writeImage(store, request, { config, chain, lease });
}

interface Chain {
  chain: readonly string[];
  lease: Lease;
}

/** All layers; the first failure stops the others, and is thrown after they have stopped. */
async function ingestLayers(store: Store, request: IngestRequest, { chain, lease }: Chain): Promise<void> {
  const stop = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, stop.signal]) : stop.signal;
  const slots = semaphore(request.parallel ?? 3);
  const settled: Promise<void>[] = [];
  /** The same tar twice in one image: the second waits until the first's blob has its row, and takes that. */
  const fetching = new Map<string, Promise<unknown>>();

  async function one(source: LayerSource, position: number): Promise<void> {
    const chainId = chain[position] as string;
    const name = source.digest ?? source.diffId;
    const report = (phase: LayerPhase, bytes = 0, total = source.size ?? 0): void => request.onProgress?.(name, phase, bytes, total);
    const folder = join(lease.folder, String(position));
    const twin = fetching.get(source.diffId);
    const fetched = Promise.withResolvers<void>();
    fetching.set(source.diffId, fetched.promise);
    try {
      report("waiting");
      await slots.enter();
      let fetchedLayer: FetchedLayer | undefined;
      let held: Disposable | undefined;
      try {
        held = await lockLayer(store, chainId, { signal, onWait: () => report("waiting") });
        if (!hasLayer(store, chainId)) {
          await twin;
          signal.throwIfAborted();
          fetchedLayer = await fetchLayer(source, { store, lease, folder, signal, onProgress: report });
        }
      } finally {
        slots.leave();
        if (!fetchedLayer) held?.[Symbol.dispose]();
      }
      if (!fetchedLayer) {
        report("exists");
        return;
      }
      using _lock = held;
      report("extracting", source.size ?? 0);
      await settled[position - 1];
      signal.throwIfAborted();
      settleLayer(fetchedLayer.unpacked, {
        root: join(folder, "diff"),
        lowers: chain
          .slice(0, position)
          .reverse()
          .map((id) => layerFolder(store, id)),
        rootless: store.rootless,
      });
      const { size } = fetchedLayer.unpacked;
      const layer = { chainId, diffId: source.diffId, parent: chain[position - 1], size, blob: fetchedLayer.blob };
      addLayer(store, layer, { from: folder, scratch: lease.folder });
      report("done", source.size ?? 0);
    } catch (error) {
      stop.abort(error);
      throw error;
    } finally {
      fetched.resolve();
    }
  }

  request.layers.forEach((source, position) => {
    const done = one(source, position);
    // Awaited in several places below; none of them must be the first to see a failure.
    done.catch(() => undefined);
    settled.push(done);
  });
  const results = await Promise.allSettled(settled);
  if (stop.signal.aborted) throw stop.signal.reason;
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}

function semaphore(size: number): { enter(): Promise<void>; leave(): void } {
  const waiting: (() => void)[] = [];
  let free = size;
  return {
    async enter() {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
  };
}

/** The image's rows and documents, in one transaction. The manifest that it was first pulled with stays the better one. */
function writeImage(store: Store, request: IngestRequest, { config, chain, lease }: Chain & { config: ImageConfig }): ImageRecord {
  const scratch = lease.folder;
  const id = writeBlob(store, scratch, request.config);
  store.db
    .transaction(() => {
      recordBlob(store, { digest: id, size: request.config.length, mediaType: request.configMediaType ?? OCI_CONFIG });
      // The lease does not know of one that is made here, but no collection comes into this transaction.
      const bytes = request.manifest ?? storedManifest(store, { digest: id, size: request.config.length }, config.rootfs.diff_ids);
      const manifest = bytes ? writeBlob(store, scratch, bytes) : null;
      if (manifest && bytes)
        recordBlob(store, { digest: manifest, size: bytes.length, mediaType: request.manifestMediaType ?? OCI_MANIFEST });
      const size = chain.reduce((sum, chainId) => sum + (findLayer(store, chainId)?.size ?? 0), 0);
      store.db
        .query(`INSERT INTO images(id, config, manifest, size, created, os, architecture, variant) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET manifest = ${request.manifest ? "excluded.manifest" : "coalesce(manifest, excluded.manifest)"}, removed = 0`)
        .run(id, Buffer.from(request.config).toString(), manifest, size, Date.now(), config.os, config.architecture, config.variant ?? "");
      const insert = store.db.query("INSERT OR IGNORE INTO image_layers(image_id, position, chain_id) VALUES (?, ?, ?)");
      chain.forEach((chainId, position) => void insert.run(id, position, chainId));
      request.onImage?.(id);
    })
    .immediate();
  return findImageById(store, id) as ImageRecord;
}
