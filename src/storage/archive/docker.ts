/** Archives of `docker save`: manifest.json names the config, the layers and the tags of each image. */
import { createReadStream } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import { dockerArchiveSchema } from "../../spec/image.ts";
import { parseDocument } from "../../spec/json.ts";
import { validate } from "../../spec/validate.ts";
import { type IngestRequest, type LayerSource, parseImageConfig } from "../ingest.ts";
import { shown } from "../tar/entry.ts";
import type { Spool } from "./spool.ts";

/** An image of an archive, ready to be taken in. */
export interface ArchivedImage {
  request: IngestRequest;
  /** As the archive has them: familiar or full. */
  names: string[];
}

/** The images of an archive with a manifest.json. Throws HoyError. */
export async function dockerImages(spool: Spool): Promise<ArchivedImage[]> {
  const what = "manifest.json of the image archive";
  const items = validate(dockerArchiveSchema, parseDocument(spool.read("manifest.json").toString(), what), what);
  const images: ArchivedImage[] = [];
  for (const item of items) {
    const config = spool.read(item.Config);
    const diffIds = (await parseImageConfig(config)).rootfs.diff_ids;
    if (diffIds.length !== item.Layers.length)
      throw new HoyError(`corrupt image archive: ${shown(item.Config)} has ${diffIds.length} layers, manifest.json ${item.Layers.length}`);
    const layers = item.Layers.map((name, position) => layerOf(spool, name, diffIds[position] as string));
    images.push({ request: { config, layers }, names: item.RepoTags ?? [] });
  }
  return images;
}

function layerOf(spool: Spool, name: string, diffId: string): LayerSource {
  const file = spool.find(name);
  if (!file) throw new HoyError(`corrupt image archive: layer ${shown(name)} is missing`);
  return { digest: undefined, size: file.size, mediaType: undefined, diffId, file, open: () => createReadStream(file.path) };
}
