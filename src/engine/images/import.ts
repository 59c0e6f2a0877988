/** `import`: an image of the tar of a root file system (moby daemon/images/image_import.go). */
import { HoyError } from "../../spec/error.ts";
import { hostPlatform, parsePlatform } from "../../spec/platform.ts";
import type { Store } from "../../state/store.ts";
import { recordImage } from "../../storage/image-events.ts";
import { nameImage } from "../../storage/images.ts";
import { importLayer } from "../../storage/import.ts";
import { ingestImage } from "../../storage/ingest.ts";
import { takeLease } from "../../storage/lease.ts";
import type { ByteSource } from "../../storage/tar/reader.ts";
import { diskFull } from "../../storage/unpack.ts";
import { newName, storedLayer } from "../containers/commit.ts";
import { openArchive, standardInput } from "./archive.ts";
import { applyChanges } from "./change/apply.ts";

export interface ImportOptions {
  /** A file's path, a URL, or `-` for standard input. */
  source: string;
  /** As the user wrote it: `name[:tag]`. */
  reference: string | undefined;
  /** "" for Docker's own. */
  message: string;
  changes: readonly string[];
  /** As the user wrote it: `linux/arm64`. */
  platform: string | undefined;
  /** Told before the download of a URL. */
  onDownload: (url: string) => void;
}

/** Makes the image and returns its id. Throws HoyError; then nothing is left behind. */
export async function importImage(store: Store, options: ImportOptions): Promise<string> {
  const name = newName(options.reference);
  const platform = options.platform ? parsePlatform(options.platform) : hostPlatform();
  const config = applyChanges({}, options.changes);
  const { from, bytes } = await openSource(options);
  using lease = takeLease(store);
  const diffId = await importLayer(store, bytes, lease).catch((error) => Promise.reject(diskFull(error, store.root)));
  const created = new Date().toISOString();
  const comment = options.message || `Imported from ${from}`;
  const document = {
    created,
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant && { variant: platform.variant }),
    config,
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, comment }],
  };
  const image = await ingestImage(store, {
    config: Buffer.from(JSON.stringify(document)),
    layers: [storedLayer(diffId)],
    onImage(id) {
      if (name !== undefined) nameImage(store, id, name);
      recordImage(store, { action: "import", id });
    },
  });
  return image.id;
}

interface Source {
  /** What the history says. */
  from: string;
  bytes: ByteSource;
}

async function openSource({ source, onDownload }: ImportOptions): Promise<Source> {
  if (source === "-") return { from: "-", bytes: standardInput() };
  if (!/^https?:\/\//.test(source)) return { from: "-", bytes: await openArchive(source) };
  onDownload(source);
  return { from: source, bytes: await download(source) };
}

async function download(url: string): Promise<ByteSource> {
  let answer: Response;
  try {
    answer = await fetch(url);
  } catch (error) {
    throw new HoyError(`cannot get ${url}: ${(error as Error).message}`, { cause: error });
  }
  if (answer.status >= 400) throw new HoyError(`failed to GET ${url} with status ${answer.status} ${answer.statusText}`.trimEnd());
  return (answer.body ?? []) as ByteSource;
}
