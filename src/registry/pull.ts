/** Pulling: a name at a registry becomes an image in the store. */
import { HoyError } from "../spec/error.ts";
import { formatPlatform, hostPlatform, type PlatformName, platformRank } from "../spec/platform.ts";
import { canonical, familiar, familiarName, isDigest, type Reference, repositoryName } from "../spec/reference.ts";
import type { Settings } from "../state/settings.ts";
import type { Store } from "../state/store.ts";
import { recordImage } from "../storage/image-events.ts";
import { addRepoDigest, findImageById, type ImageRecord, nameImage } from "../storage/images.ts";
import { ingestImage, type LayerPhase, type LayerSource } from "../storage/ingest.ts";
import { isWhole } from "../storage/layers.ts";
import { readBlob } from "./blob.ts";
import { hostName, openRepository, type Repository } from "./client.ts";
import { endpointsOf } from "./hosts.ts";
import { fetchConfig, fetchManifest, headDigest, resolveManifest } from "./manifest.ts";
import { openNetwork } from "./transport.ts";

export type PullEvent =
  /** The registry answered; layers follow. */
  | { readonly type: "pulling"; readonly reference: Reference }
  /** `digest` is the layer's; bytes of `total`. */
  | { readonly type: "layer"; readonly digest: string; readonly phase: LayerPhase; readonly current: number; readonly total: number }
  /** A mirror failed, the next address is asked. */
  | { readonly type: "mirror-failed"; readonly url: string; readonly reason: string };

export interface PullRequest {
  readonly settings: Settings;
  /** This machine's by default; an image of another platform is refused only if one was asked for. */
  readonly platform?: PlatformName;
  readonly onEvent?: (event: PullEvent) => void;
}

export interface PullResult {
  readonly image: ImageRecord;
  /** Of the manifest or index that the name stands for. */
  readonly digest: string;
  /** Nothing was new. */
  readonly upToDate: boolean;
}

/** Pulls an image by tag or digest and gives it its name. Throws HoyError; then the store is as it was. */
export async function pullImage(store: Store, reference: Reference, request: PullRequest): Promise<PullResult> {
  const network = openNetwork(request.settings);
  const endpoints = endpointsOf(reference.domain, request.settings);
  for (const endpoint of endpoints) {
    try {
      return await pullFrom(store, openRepository(network, endpoint, reference.path), reference, request);
    } catch (error) {
      if (!endpoint.mirror || !(error instanceof HoyError)) throw error;
      request.onEvent?.({ type: "mirror-failed", url: endpoint.url, reason: error.message });
    }
  }
  throw new HoyError(`no address is known for registry ${reference.domain}`);
}

async function pullFrom(store: Store, repository: Repository, reference: Reference, request: PullRequest): Promise<PullResult> {
  const { platform = hostPlatform(), onEvent } = request;
  const before = taggedId(store, reference);
  const known = reference.digest ?? (before && reference.tag ? await headDigest(repository, reference) : undefined);
  const present = known ? findPresent(store, { reference, digest: known, platform, before }) : undefined;
  if (present && known) {
    onEvent?.({ type: "pulling", reference });
    store.db.transaction(() => recordPull(store, present.id, reference)).immediate();
    return { image: present, digest: known, upToDate: true };
  }
  const fetched = await fetchManifest(repository, reference);
  onEvent?.({ type: "pulling", reference });
  const { bytes, document } = await resolveManifest(repository, reference, fetched, platform);
  const { manifest } = document;
  const config = await fetchConfig(repository, manifest);
  if (request.platform) checkPlatform(reference, config.config, request.platform);
  const layers = manifest.layers.map(
    (layer, position): LayerSource => ({
      digest: layer.digest,
      size: layer.size,
      origin: `registry ${hostName(repository)}`,
      mediaType: layer.mediaType,
      diffId: config.config.rootfs.diff_ids[position] ?? "",
      open: () => readBlob(repository, layer),
    }),
  );
  const parallel = request.settings["max-concurrent-downloads"];
  const image = await ingestImage(store, {
    config: config.bytes,
    configMediaType: manifest.config.mediaType,
    manifest: bytes,
    ...(manifest.mediaType !== undefined && { manifestMediaType: manifest.mediaType }),
    layers,
    ...(parallel !== undefined && { parallel }),
    onProgress: (digest, phase, current, total) => onEvent?.({ type: "layer", digest, phase, current, total }),
    onImage: (id) => {
      addRepoDigest(store, id, { repository: repositoryName(reference), digest: fetched.digest });
      if (reference.digest === undefined) nameImage(store, id, canonical(reference));
      recordPull(store, id, reference);
    },
  });
  return { image, digest: fetched.digest, upToDate: before === image.id };
}

/** The image that has the name now. With a digest the tag beside it counts for nothing, as for Docker. */
function taggedId(store: Store, reference: Reference): string | undefined {
  if (reference.digest !== undefined || reference.tag === undefined) return undefined;
  const row = store.db.query("SELECT image_id AS id FROM tags WHERE reference = ?").get(canonical(reference));
  return (row as { id: string } | null)?.id;
}

interface Wanted {
  readonly reference: Reference;
  readonly digest: string;
  readonly platform: PlatformName;
  readonly before: string | undefined;
}

/** An image that was pulled by this digest, for this platform, and already has the name. */
function findPresent(store: Store, { reference, digest, platform, before }: Wanted): ImageRecord | undefined {
  if (!isDigest(digest)) return undefined;
  const rows = store.db
    .query("SELECT image_id AS id FROM digests WHERE repository = ? AND digest = ?")
    .all(repositoryName(reference), digest) as { id: string }[];
  return rows
    .filter(({ id }) => before === undefined || id === before)
    .map(({ id }) => findImageById(store, id))
    .find((image) => image !== undefined && platformRank(image, platform) === 0 && isWhole(store, image.id));
}

function checkPlatform(
  reference: Reference,
  { os, architecture, variant = "" }: { os: string; architecture: string; variant?: string | undefined },
  wanted: PlatformName,
): void {
  const found = { os, architecture, variant };
  if (platformRank(found, wanted) !== undefined) return;
  throw new HoyError(
    `image with reference ${familiar(reference)} was found but its platform (${formatPlatform(found)}) does not match the specified platform (${formatPlatform(wanted)})`,
    { status: 404 },
  );
}

const recordPull = (store: Store, id: string, reference: Reference): void =>
  recordImage(store, { action: "pull", id, actor: familiar(reference), name: familiarName(reference) });
