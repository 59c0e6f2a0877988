/** What goes into an archive for one image: config, manifest and layers, all there as blobs. */
import { join } from "node:path";
import { closeSync, openSync, writeSync } from "../../../ffi/fs.ts";
import { manifestSchema } from "../../spec/image.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../../spec/mediatypes.ts";
import { validate } from "../../spec/validate.ts";
import type { Store } from "../../state/store.ts";
import { blobPath, digestOf, hasBlob, readBlob } from "../content.ts";
import type { ImageRecord } from "../images.ts";
import { blobsOfDiff, imageLayers, type LayerRecord, layerFolder } from "../layers.ts";
import { makeManifest } from "../manifest.ts";
import { packLayer } from "../pack.ts";

/** A blob of the archive: bytes in memory, or a file. */
export interface ArchiveBlob {
  digest: string;
  size: number;
  mediaType: string;
  content: Uint8Array | { path: string };
}

export interface SavedImage {
  config: ArchiveBlob;
  manifest: ArchiveBlob;
  /** The lowest first. */
  layers: ArchiveBlob[];
}

/**
 * Gathers an image. The manifest it came with is kept when all it names is stored; else one is made. A layer without a stored
 * blob is packed into `scratch`: when its tar comes out different, the config names the new one, and the image's id is new.
 */
export async function gatherImage(store: Store, image: ImageRecord, scratch: string): Promise<SavedImage> {
  const row = store.db.query("SELECT config FROM images WHERE id = ?").get(image.id) as { config: string };
  const records = imageLayers(store, image.id);
  const original = originalManifest(store, image, records);
  if (original) return { ...original, config: documentBlob(Buffer.from(row.config), original.configMediaType) };
  const layers: ArchiveBlob[] = [];
  const diffIds: string[] = [];
  for (const record of records) {
    const stored = blobsOfDiff(store, record.diffId).find(({ digest }) => hasBlob(store, digest));
    const blob = stored ? { ...stored, content: { path: blobPath(store, stored.digest) } } : await packToFile(store, record, scratch);
    layers.push(blob);
    diffIds.push(stored ? record.diffId : blob.digest);
  }
  const config = documentBlob(withDiffIds(row.config, { before: records.map(({ diffId }) => diffId), after: diffIds }), OCI_CONFIG);
  return { config, layers, manifest: documentBlob(makeManifest(config, layers), OCI_MANIFEST) };
}

const documentBlob = (content: Uint8Array, mediaType: string): ArchiveBlob => ({
  digest: digestOf(content),
  size: content.length,
  mediaType,
  content,
});

/** The config byte for byte, or with other diff ids in it. */
function withDiffIds(config: string, { before, after }: { before: string[]; after: string[] }): Buffer {
  if (before.every((diffId, position) => diffId === after[position])) return Buffer.from(config);
  const parsed = JSON.parse(config) as { rootfs: { diff_ids: string[] } };
  return Buffer.from(JSON.stringify({ ...parsed, rootfs: { ...parsed.rootfs, diff_ids: after } }));
}

/** The stored manifest with its layers, when every blob that it names is there and belongs to the layer in that place. */
function originalManifest(
  store: Store,
  image: ImageRecord,
  records: readonly LayerRecord[],
): (Omit<SavedImage, "config"> & { configMediaType: string }) | undefined {
  if (image.manifest === null || !hasBlob(store, image.manifest)) return undefined;
  const bytes = readBlob(store, image.manifest);
  const manifest = validate(manifestSchema, JSON.parse(bytes.toString()), `manifest ${image.manifest}`);
  if (manifest.config.digest !== image.id || manifest.layers.length !== records.length) return undefined;
  const layers: ArchiveBlob[] = [];
  for (const [position, { digest, size, mediaType }] of manifest.layers.entries()) {
    const known = blobsOfDiff(store, (records[position] as LayerRecord).diffId).some((blob) => blob.digest === digest);
    if (!known || !hasBlob(store, digest)) return undefined;
    layers.push({ digest, size, mediaType, content: { path: blobPath(store, digest) } });
  }
  const row = store.db.query("SELECT media_type AS mediaType FROM blobs WHERE digest = ?").get(image.manifest) as {
    mediaType: string;
  } | null;
  const mediaType = row?.mediaType ?? manifest.mediaType ?? OCI_MANIFEST;
  return { manifest: documentBlob(bytes, mediaType), layers, configMediaType: manifest.config.mediaType };
}

async function packToFile(store: Store, record: LayerRecord, scratch: string): Promise<ArchiveBlob> {
  const path = join(scratch, `layer-${record.link}`);
  const hash = new Bun.CryptoHasher("sha256");
  const file = openSync(path, "wx", 0o600);
  let size = 0;
  try {
    for await (const bytes of packLayer(layerFolder(store, record.chainId), store)) {
      hash.update(bytes);
      size += bytes.length;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
    }
  } finally {
    closeSync(file);
  }
  return { digest: `sha256:${hash.digest("hex")}`, size, mediaType: OCI_LAYER, content: { path } };
}
