/** Manifests: distribution-spec, "Pulling manifests", checked before anything of them is used (CVE-2021-21285). */
import { programName } from "../spec/caller.ts";
import { HoyError } from "../spec/error.ts";
import {
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  imageConfigSchema,
  indexSchema,
  manifestSchema,
} from "../spec/image.ts";
import { withoutNulls } from "../spec/json.ts";
import { DOCKER_INDEX, DOCKER_MANIFEST, isIndex, isManifest, OCI_INDEX, OCI_MANIFEST } from "../spec/mediatypes.ts";
import { formatPlatform, type PlatformName, platformRank } from "../spec/platform.ts";
import { familiar, familiarName, type Reference } from "../spec/reference.ts";
import { validate } from "../spec/validate.ts";
import { readBlob } from "./blob.ts";
import { backOff, hostName, type Repository, request } from "./client.ts";
import { readComplaint } from "./complaint.ts";
import { Fault, faultError } from "./fault.ts";
import { type Answer, readAll } from "./transport.ts";

/** distribution-spec: registries should take manifests up to this size. */
const LARGEST_MANIFEST = 4 << 20;
/** Configs hold history and labels; containerd and moby take as much. */
const LARGEST_CONFIG = 8 << 20;
const MOST_LAYERS = 1000;
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/;

const ACCEPT = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST, "application/json;q=0.1"].join(", ");

export interface FetchedManifest {
  /** Byte for byte, as its digest was computed. */
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly document: ({ kind: "index" } & { index: ImageIndex }) | ({ kind: "manifest" } & { manifest: ImageManifest });
}

const hash = (algorithm: string, bytes: Uint8Array): string =>
  `${algorithm}:${new Bun.CryptoHasher(algorithm as "sha256").update(bytes).digest("hex")}`;

/** The digest that the registry has under a tag, by HEAD: it does not count as a pull. Undefined when it does not say. */
export async function headDigest(repository: Repository, reference: Reference): Promise<string | undefined> {
  const path = `manifests/${reference.tag}`;
  const answer = await request(repository, { path, method: "HEAD", headers: { accept: ACCEPT } }).catch(deniedAt401(reference));
  answer.discard();
  return (answer.status === 200 && answer.headers.get("docker-content-digest")) || undefined;
}

/** The manifest or index under a tag or digest. Throws HoyError in Docker's words when there is none or it may not be seen. */
export async function fetchManifest(repository: Repository, reference: Reference): Promise<FetchedManifest> {
  const what = `manifest of ${familiar(reference)}`;
  const { answer, bytes } = await wholeManifest(repository, reference, what);
  const digest = hash("sha256", bytes);
  const expected = reference.digest ?? answer.headers.get("docker-content-digest") ?? digest;
  const [algorithm = ""] = expected.split(":");
  if (/^sha(256|384|512)$/.test(algorithm) && hash(algorithm, bytes) !== expected)
    throw new HoyError(`manifest verification failed for digest ${expected}: the registry sent something else`, { status: 502 });
  const mediaType = (answer.headers.get("content-type") ?? "").split(";")[0]?.trim() ?? "";
  return { bytes, digest: reference.digest ?? digest, document: readDocument(bytes, mediaType, what) };
}

const MOST_TRIES = 3;

/** A document that breaks off is small enough to be fetched again from its beginning. */
async function wholeManifest(repository: Repository, reference: Reference, what: string): Promise<{ answer: Answer; bytes: Uint8Array }> {
  for (let tries = 1; ; tries++) {
    const answer = await askManifest(repository, reference);
    try {
      const bytes = await readAll(answer, LARGEST_MANIFEST);
      if (!bytes) throw new HoyError(`${what}: more than ${LARGEST_MANIFEST >> 20} MiB`, { status: 502 });
      return { answer, bytes };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (tries === MOST_TRIES) throw faultError(hostName(repository), error);
      await Bun.sleep(backOff(repository.network, tries));
    }
  }
}

async function askManifest(repository: Repository, reference: Reference): Promise<Answer> {
  const path = `manifests/${reference.digest ?? reference.tag ?? "latest"}`;
  const answer = await request(repository, { path, headers: { accept: ACCEPT } }).catch(deniedAt401(reference));
  if (answer.status !== 200) throw await refusal(reference, answer);
  return answer;
}

/** An account that is refused, and none at all, are told in the same way. */
const deniedAt401 = (reference: Reference) => (error: unknown) => {
  throw error instanceof HoyError && error.status === 401 ? denied(reference, error.message) : error;
};

const denied = (reference: Reference, words: string): HoyError =>
  new HoyError(
    `pull access denied for ${familiarName(reference)}, repository does not exist or may require '${programName()} login': ${words}`,
    {
      status: 404,
    },
  );

async function refusal(reference: Reference, answer: Answer): Promise<HoyError> {
  const { status, code, words } = await readComplaint(answer);
  if (code === "DENIED" || status === 403) return denied(reference, words);
  if (code === "NAME_UNKNOWN") return new HoyError(`repository ${familiarName(reference)} not found: ${words}`, { status: 404 });
  if (code === "MANIFEST_UNKNOWN" || status === 404)
    return new HoyError(`manifest for ${familiar(reference)} not found: ${code === "" ? "manifest unknown" : words}`, { status: 404 });
  return new HoyError(`cannot pull ${familiar(reference)}: ${words}`, { status: 502 });
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return withoutNulls(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    throw new HoyError(`${what} is not JSON`, { status: 502, cause: error });
  }
}

/** Members decide where the media types are missing, and a document that could be both is refused (CVE-2021-41190). */
function readDocument(bytes: Uint8Array, sentAs: string, what: string): FetchedManifest["document"] {
  const json = parseJson(bytes, what) as { schemaVersion?: unknown; mediaType?: unknown; manifests?: unknown; layers?: unknown } | null;
  if (SCHEMA_1.test(sentAs) || json?.schemaVersion === 1)
    throw new HoyError(`${what} is of the old format "schema 1", which is not supported`, {
      status: 502,
      hint: "pull and push it once with a registry tool that converts it",
    });
  if (json?.manifests !== undefined && json.layers !== undefined)
    throw new HoyError(`${what} claims to be both an index and an image`, { status: 502 });
  const type = typeof json?.mediaType === "string" ? json.mediaType : sentAs;
  if (isIndex(type) || (!isManifest(type) && Array.isArray(json?.manifests)))
    return { kind: "index", index: validate(indexSchema, json, what) };
  if (!isManifest(type) && !Array.isArray(json?.layers))
    throw new HoyError(`${what} is of an unknown type ${JSON.stringify(type)}`, { status: 502 });
  return { kind: "manifest", manifest: checkManifest(validate(manifestSchema, json, what), what) };
}

function checkManifest(manifest: ImageManifest, what: string): ImageManifest {
  if (manifest.layers.length > MOST_LAYERS) throw new HoyError(`${what}: ${manifest.layers.length} layers are too many`, { status: 502 });
  if (manifest.config.size > LARGEST_CONFIG)
    throw new HoyError(`${what}: config.size: ${manifest.config.size} bytes are too many`, { status: 502 });
  if (!/^application\/vnd\.(oci\.image\.config|docker\.container\.image)\.v1\+json$/.test(manifest.config.mediaType))
    throw new HoyError(`${what}: it is not a container image but ${JSON.stringify(manifest.config.mediaType)}`, { status: 502 });
  for (const layer of manifest.layers) {
    if (/foreign|nondistributable/.test(layer.mediaType) && layer.urls?.length)
      throw new HoyError(`${what}: layer ${layer.digest.slice(0, 19)} is to be fetched from elsewhere (${layer.mediaType})`, {
        status: 502,
        hint: "foreign layers are those of Windows images; hoy runs Linux images",
      });
    if (!/\.tar([.+](gzip|zstd))?$/.test(layer.mediaType))
      throw new HoyError(`${what}: layer ${layer.digest.slice(0, 19)} is of an unknown type ${JSON.stringify(layer.mediaType)}`, {
        status: 502,
      });
  }
  return manifest;
}

/** The entry of an index for a platform. Throws HoyError `no matching manifest for linux/x in the manifest list entries`. */
export function selectPlatform(index: ImageIndex, platform: PlatformName): Descriptor {
  let best: { rank: number; entry: Descriptor } | undefined;
  for (const entry of index.manifests) {
    if (!isManifest(entry.mediaType) && !isIndex(entry.mediaType)) continue;
    // An entry that names no platform is for any, and the last choice.
    const { os = "", architecture = "", variant = "" } = entry.platform ?? {};
    const rank = entry.platform ? platformRank({ os, architecture, variant }, platform) : 1000;
    if (rank !== undefined && (!best || rank < best.rank)) best = { rank, entry };
  }
  if (!best) throw new HoyError(`no matching manifest for ${formatPlatform(platform)} in the manifest list entries`, { status: 404 });
  return best.entry;
}

/** From an index down to the image's manifest for a platform. */
export async function resolveManifest(
  repository: Repository,
  reference: Reference,
  fetched: FetchedManifest,
  platform: PlatformName,
): Promise<FetchedManifest & { document: { kind: "manifest" } }> {
  let current = fetched;
  for (let depth = 0; depth < 3; depth++) {
    const { document } = current;
    if (document.kind === "manifest") return { ...current, document };
    const entry = selectPlatform(document.index, platform);
    current = await fetchManifest(repository, { domain: reference.domain, path: reference.path, digest: entry.digest });
  }
  throw new HoyError(`manifest of ${familiar(reference)}: indexes within indexes`, { status: 502 });
}

/** The image's config, byte for byte, and what it says. Throws HoyError. */
export async function fetchConfig(repository: Repository, manifest: ImageManifest): Promise<{ bytes: Uint8Array; config: ImageConfig }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBlob(repository, manifest.config)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const what = `image config ${manifest.config.digest.slice(0, 19)}`;
  if (hash("sha256", bytes) !== manifest.config.digest)
    throw new HoyError(`${what}: wrong content, its digest is ${hash("sha256", bytes)}`, { status: 502 });
  const config = validate(imageConfigSchema, parseJson(bytes, what), what);
  const { length } = config.rootfs.diff_ids;
  if (length !== manifest.layers.length)
    throw new HoyError(`${what}: it has ${length} layers, the manifest ${manifest.layers.length}`, { status: 502 });
  return { bytes, config };
}
