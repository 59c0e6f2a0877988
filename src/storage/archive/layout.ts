/** OCI image layouts in a tar (image-spec, image-layout.md): index.json points to manifests, blobs lie under their digests. */
import { createReadStream } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import { type Descriptor, indexSchema, manifestSchema } from "../../spec/image.ts";
import { parseDocument } from "../../spec/json.ts";
import { isIndex, isManifest } from "../../spec/mediatypes.ts";
import { hostPlatform, type PlatformName, platformRank } from "../../spec/platform.ts";
import { validate } from "../../spec/validate.ts";
import { hexOf } from "../content.ts";
import { parseImageConfig } from "../ingest.ts";
import type { ArchivedImage } from "./docker.ts";
import type { Spool } from "./spool.ts";

const FULL_NAME = "io.containerd.image.name";
const REF_NAME = "org.opencontainers.image.ref.name";
/** BuildKit's attestations look like images of an unknown platform. */
const ATTESTATION = "vnd.docker.reference.type";
const MAX_DEPTH = 4;

const blobName = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

/** The images of an archive with an index.json; of an image for several platforms, that of this machine. Throws HoyError. */
export async function layoutImages(spool: Spool, platform: PlatformName = hostPlatform()): Promise<ArchivedImage[]> {
  const what = "index.json of the image archive";
  const index = validate(indexSchema, parseDocument(spool.read("index.json").toString(), what), what);
  const byName = new Map<string, Descriptor[]>();
  for (const descriptor of index.manifests.filter(isImage)) {
    const name = nameOf(descriptor);
    const key = name ?? (descriptor.platform ? "" : descriptor.digest);
    byName.set(key, [...(byName.get(key) ?? []), descriptor]);
  }
  const images = new Map<string, ArchivedImage>();
  for (const descriptors of byName.values()) {
    const chosen = choose(descriptors, platform);
    const manifest = resolve(spool, chosen, { platform, depth: 0 });
    const image = images.get(manifest.digest) ?? (await readImage(spool, manifest));
    const name = nameOf(chosen);
    if (name !== undefined && !image.names.includes(name)) image.names.push(name);
    images.set(manifest.digest, image);
  }
  return [...images.values()];
}

const isImage = ({ mediaType, annotations }: Descriptor): boolean =>
  (isIndex(mediaType) || isManifest(mediaType)) && annotations?.[ATTESTATION] === undefined;

/** A name with a repository; the ref.name of a layout is often a tag alone, which names nothing. */
function nameOf({ annotations }: Descriptor): string | undefined {
  const name = annotations?.[FULL_NAME] ?? annotations?.[REF_NAME];
  return name !== undefined && /[/:]/.test(name) ? name : undefined;
}

/** The one for this machine; a single one is taken whatever it is for, as with `docker load`. */
function choose(descriptors: readonly Descriptor[], platform: PlatformName): Descriptor {
  if (descriptors.length === 1) return descriptors[0] as Descriptor;
  const ranked = descriptors
    .map((descriptor) => ({ descriptor, rank: rankOf(descriptor, platform) }))
    .filter((entry): entry is { descriptor: Descriptor; rank: number } => entry.rank !== undefined)
    .sort((a, b) => a.rank - b.rank);
  const best = ranked[0]?.descriptor ?? descriptors.find((descriptor) => descriptor.platform === undefined);
  if (!best) throw new HoyError(`the image archive has no image for ${platform.os}/${platform.architecture}`);
  return best;
}

function rankOf({ platform: offered }: Descriptor, wanted: PlatformName): number | undefined {
  if (!offered) return undefined;
  const { os, architecture, variant = "" } = offered;
  return platformRank({ os, architecture, variant }, wanted);
}

/** Follows nested indexes down to a manifest. */
function resolve(spool: Spool, descriptor: Descriptor, { platform, depth }: { platform: PlatformName; depth: number }): Descriptor {
  if (!isIndex(descriptor.mediaType)) return descriptor;
  if (depth >= MAX_DEPTH) throw new HoyError("corrupt image archive: indexes are nested too deeply");
  const what = `index ${descriptor.digest}`;
  const index = validate(indexSchema, parseDocument(document(spool, descriptor).toString(), what), what);
  // An archive of a single platform keeps the index of all.
  const there = index.manifests.filter((inner) => isImage(inner) && spool.find(blobName(inner.digest)));
  if (there.length === 0) throw new HoyError(`corrupt image archive: ${what} points to no image in the archive`);
  return resolve(spool, choose(there, platform), { platform, depth: depth + 1 });
}

/** A blob that must be what its digest says. */
function document(spool: Spool, { digest }: Descriptor): Buffer {
  const file = spool.find(blobName(digest));
  if (file && file.digest !== digest) throw new HoyError(`corrupt image archive: blob ${digest} has the digest ${file.digest}`);
  return spool.read(blobName(digest));
}

async function readImage(spool: Spool, descriptor: Descriptor): Promise<ArchivedImage> {
  const what = `manifest ${descriptor.digest}`;
  const manifest = document(spool, descriptor);
  const parsed = validate(manifestSchema, parseDocument(manifest.toString(), what), what);
  const config = document(spool, parsed.config);
  const diffIds = (await parseImageConfig(config)).rootfs.diff_ids;
  if (diffIds.length !== parsed.layers.length)
    throw new HoyError(`corrupt image archive: ${what} has ${parsed.layers.length} layers, its config ${diffIds.length}`);
  const layers = parsed.layers.map((layer, position) => {
    const file = spool.find(blobName(layer.digest));
    if (!file) throw new HoyError(`corrupt image archive: layer ${layer.digest} is missing`);
    const { digest, size, mediaType } = layer;
    return { digest, size, mediaType, diffId: diffIds[position] as string, file, open: () => createReadStream(file.path) };
  });
  const configMediaType = parsed.config.mediaType;
  return { request: { config, configMediaType, manifest, manifestMediaType: descriptor.mediaType, layers }, names: [] };
}
