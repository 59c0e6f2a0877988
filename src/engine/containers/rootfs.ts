/** A container's root file system as a detached mount: an overlay over its image's layers, or over a folder (`--rootfs`). */

import { join, resolve } from "node:path";
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { existsSync, mkdirSync, statSync } from "../../../ffi/fs.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import type { Mount } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import { type LayerPaths, layerPaths } from "../../storage/layers.ts";
import { mountOverlay, volatileMark } from "../../storage/overlay.ts";
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
  const { rootfs } = row.options;
  const data = dataFolder(store, row.id);
  if (store.rootless && rootfs !== undefined && resolve(rootfs) === "/") {
    const view = hostView({ upper: join(data, "upper"), work: join(data, "work") });
    return { mount: view.rootfs, parts: view.mounts };
  }
  return { mount: mountWhole(store, row), parts: [] };
}

function mountWhole(store: Store, row: ContainerRow): Fd {
  const data = dataFolder(store, row.id);
  const own = { upper: join(data, "upper"), work: join(data, "work"), userxattr: store.rootless, volatile: row.autoRemove };
  if (own.volatile && existsSync(volatileMark(own.work))) removeTree(volatileMark(own.work));
  if (row.options.rootfs !== undefined) return mountFolder(row.options.rootfs, own);
  const { folders, links } = imageFolders(store, row);
  if (folders.length === 0) return mountOverlay({ lowers: [emptyLayer(data)], links: ["empty"], folder: data, ...own });
  return mountOverlay({ lowers: folders, links, folder: join(store.root, "layers"), ...own });
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
function emptyLayer(data: string): string {
  const folder = join(data, "empty");
  mkdirSync(folder, { recursive: true });
  return folder;
}

interface Own {
  upper: string;
  work: string;
  userxattr: boolean;
  volatile: boolean;
}

/**
 * A copy-on-write view of a folder. Where the container's own layer would lie below that folder (`--rootfs /`), the two may not
 * overlap: then it lies on a tmpfs that lives as long as the container runs.
 */
function mountFolder(folder: string, own: Own): Fd {
  checkFolder(folder);
  const lower = resolve(folder);
  if (!overlaps(lower, own.upper)) return mountOverlay({ lowers: [lower], links: [lower], folder: "/", ...own });
  const scratch = own.upper;
  const folders = { upper: join(scratch, "upper"), work: join(scratch, "work") };
  return mountOverlay({
    lowers: [lower],
    links: [lower],
    folder: "/",
    scratch,
    ...folders,
    userxattr: own.userxattr,
    volatile: own.volatile,
  });
}

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
