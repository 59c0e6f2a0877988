/** `commit`: an image of a container as it is now (moby daemon/commit.go, image/image.go). */
import { join } from "node:path";
import { Fd, O_NOFOLLOW, O_PATH, openInRoot } from "../../../ffi/fd.ts";
import { existsSync, lstatSync, mkdirSync, readlinkSync } from "../../../ffi/fs.ts";
import { HoyError } from "../../spec/error.ts";
import { canonical, familiarise, parseReference, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { commitLayer } from "../../storage/commit.ts";
import { imageConfig, nameImage } from "../../storage/images.ts";
import { ingestImage, type LayerSource } from "../../storage/ingest.ts";
import { imageLayers } from "../../storage/layers.ts";
import { takeLease } from "../../storage/lease.ts";
import { diskFull } from "../../storage/unpack.ts";
import { applyChanges, type ImageSettings } from "../images/change/apply.ts";
import { containerChanges } from "./changes.ts";
import { recordContainer } from "./events.ts";
import { freezeForNow } from "./freeze-for-now.ts";
import { isEnginesOwn } from "./init-files.ts";
import type { ContainerConfig } from "./options.ts";
import { openImageRoot } from "./rootfs.ts";
import { type ContainerRow, dataFolder } from "./row.ts";
import { openProcess } from "./signal.ts";
import { refuseOwnIds } from "./view.ts";

export interface CommitOptions {
  /** As the user wrote it: `name[:tag]`; none leaves the image without a name. */
  reference: string | undefined;
  author: string;
  comment: string;
  changes: readonly string[];
  /** Stop the container's processes meanwhile. */
  pause: boolean;
  /** Told what the user should know. */
  onWarning: (text: string) => void;
}

/** The full name with a tag that a new image gets. Throws HoyError. */
export function newName(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (parseReference(text).digest !== undefined) throw new HoyError("refusing to create a tag with a digest reference", { status: 400 });
  return canonical(parseTagged(text));
}

/** Makes the image and returns its id. Throws HoyError; then nothing is left behind. */
export async function commitContainer(store: Store, row: ContainerRow, options: CommitOptions): Promise<string> {
  const name = newName(options.reference);
  if (row.state === "dead") throw new HoyError(`You cannot commit container ${row.id} which is Dead`, { status: 409 });
  refuseOwnIds(row);
  if (row.imageId === null)
    throw new HoyError(`cannot commit ${row.name}: it was made over a folder, and has no image that another one could build on`, {
      status: 400,
      hint: "export writes all of its files, and import makes an image of them",
    });
  const config = applyChanges(imageSettings(row.options.config), options.changes);
  const parent = imageConfig(store, row.imageId);
  const layers = imageLayers(store, row.imageId);
  const below = layers.map(({ diffId }) => diffId);
  using lease = takeLease(store, [row.imageId, ...layers.map(({ chainId }) => chainId)]);
  const diffId = await copyLayer(store, row, { options, below, lease });
  const created = new Date().toISOString();
  const { author, comment } = options;
  const step = {
    created,
    ...(author && { author }),
    created_by: (row.options.config.Cmd ?? []).join(" "),
    ...(comment && { comment }),
    ...(diffId === undefined && { empty_layer: true }),
  };
  const diffIds = diffId === undefined ? below : [...below, diffId];
  const { created: _created, author: _author, history = [], rootfs: _rootfs, config: _config, ...platform } = parent;
  const document = {
    ...platform,
    ...(author && { author }),
    created,
    config,
    rootfs: { type: "layers", diff_ids: diffIds },
    history: [...history, step],
  };
  const image = await ingestImage(store, {
    config: Buffer.from(JSON.stringify(document)),
    layers: diffIds.map(storedLayer),
    onImage(id) {
      if (name !== undefined) nameImage(store, id, name);
      recordContainer(store, row, "commit", { comment, imageID: id, imageRef: name === undefined ? "" : familiarise(name) });
    },
  });
  return image.id;
}

/** A layer that is there already, and leased. */
export const storedLayer = (diffId: string): LayerSource => ({
  digest: undefined,
  size: undefined,
  mediaType: undefined,
  diffId,
  open() {
    throw new HoyError(`layer ${diffId} was removed from the store meanwhile`, { hint: "try again" });
  },
});

interface Copying {
  options: CommitOptions;
  below: readonly string[];
  lease: ReturnType<typeof takeLease>;
}

async function copyLayer(store: Store, row: ContainerRow, { options, below, lease }: Copying): Promise<string | undefined> {
  const upper = join(dataFolder(store, row.id), "upper");
  // a container that never started has none
  if (!existsSync(upper)) mkdirSync(upper, { recursive: true, mode: 0o755 });
  using process = openProcess(store, row);
  using frozen = process && options.pause ? freezeForNow(store, row) : undefined;
  if (process && options.pause && !frozen && store.rootless)
    options.onWarning("the container could not be paused: files that it writes just now may be in the image by half");
  // a folder that was written to and looks as before makes no layer
  if (containerChanges(store, row).length === 0) return undefined;
  using image = openImageRoot(store, row);
  const leaveOut = (path: string): boolean => isOwn(upper, path) && !has(image, path);
  try {
    return await commitLayer(store, { upper, below, lease, leaveOut });
  } catch (error) {
    throw diskFull(error, store.root);
  }
}

function isOwn(upper: string, written: string): boolean {
  const path = `/${written.endsWith("/") ? written.slice(0, -1) : written}`;
  if (
    !isEnginesOwn(path, { folder: true, size: 0, link: undefined }) &&
    !isEnginesOwn(path, { folder: false, size: 0, link: undefined }) &&
    path !== "/etc/mtab"
  )
    return false;
  const status = lstatSync(join(upper, path), { throwIfNoEntry: false });
  if (!status) return false;
  const link = status.isSymbolicLink() ? readlinkSync(join(upper, path)) : undefined;
  return isEnginesOwn(path, { folder: status.isDirectory(), size: status.size, link });
}

function has(image: Fd, path: string): boolean {
  const found = openInRoot(image.number, path, O_PATH | O_NOFOLLOW);
  if (found < 0) return false;
  new Fd(found).close();
  return true;
}

/** What of a container's configuration makes part of an image; the rest is its own, such as its host name. */
export function imageSettings(config: ContainerConfig): ImageSettings {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, Healthcheck, OnBuild, Shell } = config;
  return {
    ...(User && { User }),
    ...(ExposedPorts && { ExposedPorts }),
    ...(Env.length > 0 && { Env: Env.filter((entry) => entry.includes("=")) }),
    ...(Entrypoint && { Entrypoint }),
    ...(Cmd && { Cmd }),
    ...(Volumes && { Volumes }),
    ...(WorkingDir && { WorkingDir }),
    ...(Object.keys(Labels).length > 0 && { Labels }),
    ...(StopSignal && { StopSignal }),
    ...(Healthcheck && { Healthcheck }),
    ...(OnBuild && { OnBuild }),
    ...(Shell && { Shell }),
  };
}
