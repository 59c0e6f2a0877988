/** Images of the harness on their way into a store. */
import type { Store } from "../../src/state/store.ts";
import type { ImageRecord } from "../../src/storage/images.ts";
import { tagImage } from "../../src/storage/images.ts";
import { type IngestRequest, ingestImage } from "../../src/storage/ingest.ts";
import { type BuiltImage, buildImage, sha256, type TestImage } from "../harness/images.ts";
import { chunked } from "./scratch.ts";

/** What a registry would hand over. `opened` collects the digests of the blobs that were read. */
export function requestOf(built: BuiltImage, opened: string[] = []): IngestRequest {
  return {
    config: built.config.data,
    manifest: built.manifest.data,
    layers: built.layers.map(({ digest, data, mediaType }, position) => ({
      digest,
      size: data.length,
      mediaType,
      diffId: sha256(built.tars[position] as Uint8Array),
      open() {
        opened.push(digest);
        return chunked(data, 4096);
      },
    })),
  };
}

/** Takes an image in and gives it names. */
export async function addImage(store: Store, image: TestImage, ...references: string[]): Promise<ImageRecord> {
  const record = await ingestImage(store, requestOf(buildImage(image)));
  for (const reference of references) tagImage(store, record.id, reference);
  return record;
}

export const smallImage = (text: string): TestImage => ({
  layers: [[{ name: "base/" }, { name: "base/f", data: "base" }], [{ name: "own", data: text }]],
});

export interface ContainerOfImages {
  /** Null: it has none (`--rootfs`). */
  image: string | null;
  /** Ids of the images that it mounts. */
  mounts?: readonly string[];
  state: string;
}

/** A row of a container, with what the database wants. */
export function addContainer(store: Store, id: string, { image, mounts = [], state }: ContainerOfImages): void {
  const full = id.padEnd(64, "0");
  store.db
    .query("INSERT INTO containers(id, name, image_id, image, created, state, options) VALUES (?, ?, ?, 'x', 1, ?, '{}')")
    .run(full, `n-${id}`, image, state);
  for (const mounted of mounts) store.db.query("INSERT INTO container_images(container_id, image_id) VALUES (?, ?)").run(full, mounted);
}
