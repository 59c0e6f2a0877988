/** What the mounts of a container are on this host: folders of volumes, layers of images, paths to bind. */

import { join } from "node:path";
import { SysError } from "../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_PATH, O_RDONLY, open, openInRoot } from "../../../ffi/fd.ts";
import { chownSync, existsSync, mkdirSync, readdirSync, readlinkSync } from "../../../ffi/fs.ts";
import { programName } from "../../spec/caller.ts";
import { HoyError } from "../../spec/error.ts";
import { canonical, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { fillFolder, finishFilling } from "../../storage/fill.ts";
import { findImage } from "../../storage/images.ts";
import { layerPaths } from "../../storage/layers.ts";
import { mountOverlay } from "../../storage/overlay.ts";
import type { MountRequest } from "./options.ts";
import { emptyLayer } from "./rootfs.ts";
import { type ContainerRow, dataFolder } from "./row.ts";
import type { ResolvedMount } from "./spec-mounts.ts";

export const volumeFolder = (store: Pick<Store, "root">, name: string): string => join(store.root, "volumes", name, "_data");

export interface MountPlace {
  rootfs: Fd;
  /** Keeps the mounts that are made here until the container has them. */
  held: DisposableStack;
  /** Of a container with a user namespace of its own. */
  ids?: PlaceIds | undefined;
}

export interface PlaceIds {
  /** Shows the files below a path with the container's ids; undefined where that cannot be. */
  map(path: string): Fd | undefined;
  namespace: Fd | undefined;
  owner: { uid: number; gid: number };
  /** The root file system's own files, with the ids that they have there. */
  openLayers(): Fd;
}

/**
 * The sources of all mounts. At a container's first start its empty volumes are filled from what the root file system has at their
 * targets (Docker's copy-up); one that is emptied later stays empty.
 */
export function resolveMounts(store: Store, { id, options }: Pick<ContainerRow, "id" | "options">, place: MountPlace): ResolvedMount[] {
  const news = newVolumes(store, id);
  const resolved = (options.mounts ?? []).map((mount): ResolvedMount => {
    if (mount.type === "image") return imageMount(store, mount, { place, label: options.mountLabel, data: dataFolder(store, id) });
    if (mount.type !== "volume") return { ...mount, path: mount.type === "tmpfs" ? "" : mount.source };
    const folder = volumeOnDisk(store, mount.source);
    const isNew = news.has(mount.source);
    if (place.ids) return mappedVolume(folder, mount, { place, ids: place.ids, isNew });
    if (isNew) fillVolume(folder, mount, place.rootfs);
    return { ...mount, path: subpath(folder, mount) };
  });
  if (news.size > 0) store.db.query("UPDATE container_volumes SET offered = 1 WHERE container_id = ?").run(id);
  return resolved;
}

/**
 * A volume shows its files with the ids that containers have, so that others with other ids can use it. Where mounts cannot do that,
 * a new one is given to the container.
 */
function mappedVolume(
  folder: string,
  mount: MountRequest,
  { place, ids, isNew }: { place: MountPlace; ids: PlaceIds; isNew: boolean },
): ResolvedMount {
  const whole = ids.map(folder);
  if (!whole) {
    if (isNew && readdirSync(folder).length === 0) chownSync(folder, ids.owner.uid, ids.owner.gid);
    if (isNew) fillVolume(folder, mount, place.rootfs);
    return { ...mount, path: subpath(folder, mount) };
  }
  if (isNew) {
    using layers = ids.openLayers();
    fillVolume(folder, mount, layers);
  }
  whole.close();
  return detached(place.held.use(ids.map(subpath(folder, mount)) as Fd), mount);
}

const detached = ({ number }: Fd, mount: MountRequest): ResolvedMount => ({
  ...mount,
  path: `/proc/${process.pid}/fd/${number}`,
  detached: true,
});

/** Names of the volumes that this container has not tried to fill yet. */
const newVolumes = (store: Store, id: string): Set<string> =>
  new Set(
    store.db
      .query("SELECT volume FROM container_volumes WHERE container_id = ? AND offered = 0")
      .all(id)
      .map((row) => (row as { volume: string }).volume),
  );

/** The folder of the volume, made when it is not there, and whole. */
function volumeOnDisk(store: Store, name: string): string {
  const folder = volumeFolder(store, name);
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o755 });
  finishFilling(folder);
  return folder;
}

function fillVolume(folder: string, { target, noCopy, subpath: below }: MountRequest, rootfs: Fd): void {
  if (noCopy || below) return;
  const found = openInRoot(rootfs.number, target.replace(/^\/+/, ""), O_RDONLY | O_DIRECTORY);
  if (found < 0) return; // the image has no folder there
  using source = new Fd(found);
  fillFolder(folder, source);
}

/** A folder in a volume, whose links do not lead out of it. */
function subpath(folder: string, { subpath: below, target }: MountRequest): string {
  if (!below) return folder;
  using root = open(folder, O_PATH | O_DIRECTORY);
  const found = openInRoot(root.number, below, O_PATH);
  if (found < 0) throw new SysError(`mount ${target}: open ${below} in the volume`, -found);
  using file = new Fd(found);
  return readlinkSync(file.path);
}

/** Id of the image that is to be mounted. Throws HoyError when it is not there: it is not pulled. */
export function imageToMount(store: Store, name: string): string {
  const image = findImage(store, { name, reference: canonical(parseTagged(name)) });
  if (!image) throw new HoyError(`No such image: ${name}`, { status: 404, hint: `${programName()} pull ${name}` });
  return image.id;
}

interface ImagePlace {
  place: MountPlace;
  /** SELinux's, which needs a mount of the image's own. */
  label: string | undefined;
  /** The container's folder. */
  data: string;
}

/** An image's layers, read-only: the one layer itself, or an overlay of them. */
function imageMount(store: Store, request: MountRequest, { place: { held, ids }, label, data }: ImagePlace): ResolvedMount {
  const mount = { ...request, readOnly: true };
  const { folders, links } = layerPaths(store, mount.imageId ?? imageToMount(store, mount.source));
  const [only, ...others] = folders;
  if (only === undefined) throw new HoyError(`the image ${mount.source} has no layers to mount`, { status: 400 });
  if (others.length === 0 && (mount.subpath || !label)) {
    const path = subpath(only, mount);
    const mapped = ids?.map(path);
    return mapped ? detached(held.use(mapped), mount) : { ...mount, path };
  }
  if (mount.subpath)
    throw new HoyError(`image-subpath is not supported for ${mount.source}: the image has ${folders.length} layers`, { status: 400 });
  // an overlay that nobody writes to has two layers at least
  const below = others.length === 0 ? [emptyLayer(data)] : [];
  const lowers = { lowers: [...folders, ...below], links: [...links, ...below], folder: join(store.root, "layers") };
  const idMap = ids?.namespace && { namespace: ids.namespace, root: ids.owner };
  return detached(held.use(mountOverlay({ ...lowers, userxattr: store.rootless, label, idMap })), mount);
}
