/** The tar of a root file system as the one layer of a new image, in a single pass; the archive is kept as it came. */
import { join } from "node:path";
import { mkdirSync } from "../../ffi/fs.ts";
import { OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from "../spec/mediatypes.ts";
import type { Store } from "../state/store.ts";
import { decompress } from "./compression.ts";
import { blobWriter } from "./content.ts";
import { lockLayer } from "./ingest/lock.ts";
import { hashed, keep, lend } from "./ingest/streams.ts";
import { addLayer, hasLayer } from "./layers.ts";
import type { Lease } from "./lease.ts";
import type { ByteSource } from "./tar/reader.ts";
import { settleLayer, unpackLayer } from "./unpack.ts";

const MEDIA_TYPES = { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD } as const;

/** Adds the layer, leased, and returns its diff id. Throws HoyError or SysError; then nothing was added. */
export async function importLayer(store: Store, source: ByteSource, lease: Lease): Promise<string> {
  const folder = join(lease.folder, "layer");
  const diff = join(folder, "diff");
  mkdirSync(diff, { recursive: true, mode: 0o700 });
  using blob = blobWriter(store, lease, { what: "archive" });
  using lent = lend(keep(source, blob, () => undefined));
  const { stream, compression } = await decompress(lent.stream, "archive");
  const hash = new Bun.CryptoHasher("sha256");
  const unpacked = await unpackLayer(hashed(stream, hash), { root: diff, rootless: store.rootless });
  // what follows the end of a packed stream is part of the blob
  await lent.drain();
  const diffId = `sha256:${hash.digest("hex")}`;
  lease.keep(diffId);
  const kept = { ...blob.commit(), mediaType: MEDIA_TYPES[compression] };
  using _lock = await lockLayer(store, diffId, { signal: new AbortController().signal, onWait: () => undefined });
  // the chain id of a lowest layer is its diff id
  if (hasLayer(store, diffId)) return diffId;
  settleLayer(unpacked, { root: diff, lowers: [], rootless: store.rootless });
  addLayer(store, { chainId: diffId, diffId, parent: undefined, size: unpacked.size, blob: kept }, { from: folder, scratch: lease.folder });
  return diffId;
}
