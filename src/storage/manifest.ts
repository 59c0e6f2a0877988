/** Manifests for images that came without one, as from a Docker archive. */
import { OCI_CONFIG, OCI_MANIFEST } from "../spec/mediatypes.ts";
import type { Store } from "../state/store.ts";
import { hasBlob } from "./content.ts";
import { blobsOfDiff } from "./layers.ts";

interface Described {
  mediaType: string;
  digest: string;
  size: number;
}

const describe = ({ mediaType, digest, size }: Described): Described => ({ mediaType, digest, size });

/** An OCI manifest, the lowest layer first. */
export const makeManifest = (config: Described, layers: readonly Described[]): Buffer =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: describe(config), layers: layers.map(describe) }));

/** A manifest of what the store holds of an image; undefined when a layer's blob is gone. */
export function storedManifest(store: Store, config: { digest: string; size: number }, diffIds: readonly string[]): Buffer | undefined {
  const layers: Described[] = [];
  for (const diffId of diffIds) {
    const blob = blobsOfDiff(store, diffId).find(({ digest }) => hasBlob(store, digest));
    if (!blob) return undefined;
    layers.push(blob);
  }
  return makeManifest({ ...config, mediaType: OCI_CONFIG }, layers);
}
