/** `hoy load`: archives of `docker save` and OCI layouts in a tar, plain or packed. */
import { HoyError } from "../../spec/error.ts";
import { canonical, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { recordImage } from "../image-events.ts";
import { type ImageRecord, nameImage } from "../images.ts";
import { type IngestRequest, ingestImage } from "../ingest.ts";
import { takeLease } from "../lease.ts";
import type { ByteSource } from "../tar/reader.ts";
import { diskFull } from "../unpack.ts";
import { dockerImages } from "./docker.ts";
import { layoutImages } from "./layout.ts";
import { spoolArchive } from "./spool.ts";

export interface LoadedImage {
  image: ImageRecord;
  /** Full names that it got: `docker.io/library/busybox:latest`. */
  references: string[];
}

export interface LoadOptions {
  onProgress?: NonNullable<IngestRequest["onProgress"]>;
  signal?: AbortSignal;
}

/** Takes in all images of an archive, and tags them as it says. Throws HoyError; images before the failing one stay, as with Docker. */
export async function loadImages(store: Store, source: ByteSource, { onProgress, signal }: LoadOptions = {}): Promise<LoadedImage[]> {
  using lease = takeLease(store);
  try {
    const spool = await spoolArchive(source, lease.folder);
    const archived = spool.find("manifest.json")
      ? await dockerImages(spool)
      : spool.find("index.json")
        ? await layoutImages(spool)
        : noImages();
    const loaded: LoadedImage[] = [];
    for (const { request, names } of archived) {
      const references = [...new Set(names.map((name) => canonical(parseTagged(name))))].filter((name) => !name.includes("@"));
      const onImage = (id: string): void => {
        for (const reference of references) nameImage(store, id, reference);
        recordImage(store, { action: "load", id });
      };
      const image = await ingestImage(store, { ...request, onImage, ...(onProgress && { onProgress }), ...(signal && { signal }) });
      loaded.push({ image, references });
    }
    return loaded;
  } catch (error) {
    throw diskFull(error, store.root);
  }
}

function noImages(): never {
  throw new HoyError("this is no image archive: it has neither manifest.json nor index.json");
}
