/** A container's root file system as a detached mount: an overlay over its image's layers, or over a folder (`--rootfs`). */

import { join, resolve } from "node:path";
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { existsSync, mkdirSync, statSync } from "../../../ffi/fs.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import type { Mount } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import { type LayerPaths, layerPaths } from "../../storage/layers.ts";
import { mountOverlay, type Overlay, volatileMark } from "../../storage/overlay.ts";
import { removeTree } from "../../storage/remove.ts";
import { hostView } from "./host-view.ts";
import { type ContainerRow, dataFolder } from "./row.ts";

export interface Rootfs {
  mount: Fd;
  /** Parts of it that are mounted in the container's own namespace, before anything else. */
  parts: Mount[];
}

/** Mounts it. Its reads and writes go through `/proc/self/fd/N/…`; it goes with the descriptor and the container's last process. */
export function mountRootfs(store: Store, row: ContainerRow): Rootfs {
  if (isHostView(store, row)) {
    const view = hostView(ownFolders(store, row));
    return { mount: view.rootfs, parts: view.mounts };
  }
  return { mount: mountOverlay({ ...layersBelow(store, row), ...ownLayer(store, row) }), parts: [] };
}

/** An ordinary user's `--rootfs /` is no overlay. */
export const isHostView = (store: Store, { options: { rootfs } }: ContainerRow): boolean =>
  store.rootless && rootfs !== undefined && resolve(rootfs) === "/";

function ownFolders(store: Store, row: ContainerRow): { upper: string; work: string } {
  const data = dataFolder(store, row.id);
  return { upper: join(data, "upper"), work: join(data, "work") };
}

/** Layers below the container's own. */
export type Lowers = Pick<Overlay, "lowers" | "links" | "folder">;

export function layersBelow(store: Store, row: ContainerRow): Lowers {
  const { rootfs } = row.options;
  if (rootfs !== undefined) {
    checkFolder(rootfs);
    const folder = resolve(rootfs);
    return { lowers: [folder], links: [folder], folder: "/" };
  }
  const { folders, links } = imageFolders(store, row);
  const data = dataFolder(store, row.id);
  if (folders.length === 0) return { lowers: [emptyLayer(data)], links: ["empty"], folder: data };
  return { lowers: folders, links, folder: join(store.root, "layers") };
}

/** The layers of the container's image. Throws HoyError where there are none, or one is missing. */
function imageFolders(store: Store, row: ContainerRow): LayerPaths {
  if (row.imageId === null) throw new HoyError(`the container ${row.name} has neither an image nor a root folder`);
  const paths = layerPaths(store, row.imageId);
  const missing = paths.folders.find((folder) => !existsSync(folder));
  if (missing !== undefined)
    throw new HoyError(`the image ${row.image} is damaged: its layer ${missing} is missing`, { hint: "pull or load it again" });
  return paths;
}

/** The root file system that the container began with, to be read: of its image, or the folder of `--rootfs`. */
export function openImageRoot(store: Store, row: ContainerRow): Fd {
  const { rootfs } = row.options;
  if (rootfs !== undefined) {
    checkFolder(rootfs);
    return open(resolve(rootfs), O_RDONLY | O_DIRECTORY);
  }
  const { folders, links } = imageFolders(store, row);
  const [only = emptyLayer(dataFolder(store, row.id)), ...others] = folders;
  if (others.length === 0) return open(only, O_RDONLY | O_DIRECTORY);
  using mount = mountOverlay({ lowers: folders, links, folder: join(store.root, "layers"), userxattr: store.rootless });
  return open(mount.path, O_RDONLY | O_DIRECTORY);
}

/** An image may have no layer at all (`FROM scratch`); an overlay needs one. */
export function emptyLayer(data: string): string {
  const folder = join(data, "empty");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * The container's own layer. Where it would lie below the folder of which it is a view (`--rootfs /`), the two may not overlap: then
 * it lies on a tmpfs that lives as long as the container runs.
 */
export function ownLayer(store: Store, row: ContainerRow): Omit<Overlay, keyof Lowers | "idMap"> {
  const { upper, work } = ownFolders(store, row);
  const { rootfs, mountLabel, layerSize = 0 } = row.options;
  const own = { upper, work, userxattr: store.rootless, volatile: row.autoRemove, label: mountLabel };
  if (own.volatile && existsSync(volatileMark(work))) removeTree(volatileMark(work));
  if (rootfs === undefined || !overlaps(resolve(rootfs), upper)) return own;
  return { ...own, scratch: upper, scratchSize: layerSize, upper: join(upper, "upper"), work: join(upper, "work") };
}

/** True where that is so. */
export const liesInRootfs = (store: Pick<Store, "root">, rootfs: string | undefined): boolean =>
  rootfs !== undefined && overlaps(resolve(rootfs), join(store.root, "containers"));

function checkFolder(folder: string): void {
  const refused = (why: string, cause?: unknown) => new HoyError(`--rootfs ${folder}: ${why}`, { status: 400, cause });
  let isFolder: boolean;
  try {
    isFolder = statSync(folder).isDirectory();
  } catch (error) {
    throw refused((error as NodeJS.ErrnoException).code === "ENOENT" ? "no such directory" : reasonOf(error), error);
  }
  if (!isFolder) throw refused("not a directory");
}

/** True when `inner` lies below `outer` on the same file system, and so in the overlay's lower layer. */
function overlaps(outer: string, inner: string): boolean {
  const below = outer === "/" || inner.startsWith(`${outer}/`);
  return below && statSync(outer).dev === statSync(inner).dev;
}
