/**
 * `hoy save`: one tar that is a `docker save` archive and an OCI layout at once, as Docker writes it since version 25, so that
 * every other tool can read it.
 */
import { createReadStream } from "node:fs";
import { OCI_INDEX } from "../../spec/mediatypes.ts";
import { familiarise, familiarName, parseReference } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { hexOf } from "../content.ts";
import type { ImageRecord } from "../images.ts";
import { imageLayers } from "../layers.ts";
import { takeLease } from "../lease.ts";
import { type TarOutput, writeTar } from "../tar/writer.ts";
import { type ArchiveBlob, gatherImage, type SavedImage } from "./save-image.ts";

export interface SaveRequest {
  image: ImageRecord;
  /** Full names with tags that the archive gives it; none is fine. */
  references: readonly string[];
}

/** The archive's bytes. Reading may stop at any time. Throws HoyError or SysError. */
export async function* saveImages(store: Store, requests: readonly SaveRequest[]): AsyncGenerator<Uint8Array> {
  const kept = requests.flatMap(({ image }) => [
    image.id,
    ...(image.manifest ? [image.manifest] : []),
    ...imageLayers(store, image.id).map(({ chainId }) => chainId),
  ]);
  using lease = takeLease(store, kept);
  const saved: [SaveRequest, SavedImage][] = [];
  for (const request of requests) saved.push([request, await gatherImage(store, request.image, lease.folder)]);
  yield* writeTar(members(saved));
}

const pathOf = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

function* members(saved: readonly [SaveRequest, SavedImage][]): Generator<TarOutput> {
  yield folder("blobs/");
  yield folder("blobs/sha256/");
  const written = new Set<string>();
  for (const [, { config, layers, manifest }] of saved) {
    for (const blob of [...layers, config, manifest]) {
      if (!written.has(blob.digest)) yield blobMember(blob);
      written.add(blob.digest);
    }
  }
  yield json("index.json", { schemaVersion: 2, mediaType: OCI_INDEX, manifests: saved.flatMap(descriptors) });
  yield json("manifest.json", saved.map(dockerItem));
  yield json("oci-layout", { imageLayoutVersion: "1.0.0" });
  yield json("repositories", repositories(saved));
}

const folder = (name: string): TarOutput => ({ entry: { name, type: "directory", mode: 0o755 } });

function json(name: string, value: unknown): TarOutput {
  const body = Buffer.from(JSON.stringify(value));
  return { entry: { name, type: "file", mode: 0o644, size: body.length }, body };
}

const blobMember = ({ digest, size, content }: ArchiveBlob): TarOutput => ({
  entry: { name: pathOf(digest), type: "file", mode: 0o644, size },
  body: content instanceof Uint8Array ? content : createReadStream(content.path, { highWaterMark: 1 << 20 }),
});

/** One for each name, in containerd's form; one without a name for an image that has none. */
function descriptors([{ references }, { manifest }]: [SaveRequest, SavedImage]): object[] {
  const { mediaType, digest, size } = manifest;
  if (references.length === 0) return [{ mediaType, digest, size }];
  return references.map((reference) => ({
    mediaType,
    digest,
    size,
    annotations: {
      "io.containerd.image.name": reference,
      "org.opencontainers.image.ref.name": parseReference(reference).tag ?? "",
    },
  }));
}

const dockerItem = ([{ references }, { config, layers }]: [SaveRequest, SavedImage]): object => ({
  Config: pathOf(config.digest),
  RepoTags: references.length > 0 ? references.map(familiarise) : null,
  Layers: layers.map(({ digest }) => pathOf(digest)),
});

/** The form of the oldest readers: repository → tag → id of the topmost layer. */
function repositories(saved: readonly [SaveRequest, SavedImage][]): Record<string, Record<string, string>> {
  const names: Record<string, Record<string, string>> = {};
  for (const [{ references }, { layers, config }] of saved) {
    for (const reference of references) {
      const parsed = parseReference(reference);
      const name = familiarName(parsed);
      names[name] = { ...names[name], [parsed.tag ?? "latest"]: hexOf((layers.at(-1) ?? config).digest) };
    }
  }
  return names;
}
