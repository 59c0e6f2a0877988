/** What the mounts of a container are on this host: folders of volumes, layers of images, paths to bind. */
import { existsSync, mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { openFolderAt, readFolder } from "../../../ffi/at.ts";
import { copyFolder } from "../../../ffi/copy.ts";
import { SysError } from "../../../ffi/errno.ts";
import { AT_FDCWD, Fd, O_DIRECTORY, O_PATH, O_RDONLY, open, openInRoot } from "../../../ffi/fd.ts";
import { HoyError } from "../../spec/error.ts";
import { canonical, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { findImage } from "../../storage/images.ts";
import { layerPaths } from "../../storage/layers.ts";
import type { MountRequest } from "./options.ts";
import type { ResolvedMount } from "./spec-mounts.ts";

export const volumeFolder = (store: Pick<Store, "root">, name: string): string => join(store.root, "volumes", name, "_data");

/** The sources of all mounts; a new volume is filled from what the root file system has at its target (Docker's copy-up). */
export function resolveMounts(store: Store, mounts: readonly MountRequest[], rootfs: Fd): ResolvedMount[] {
  return mounts.map((mount) => {
    if (mount.type === "volume") return { ...mount, path: subpath(prepareVolume(store, mount, rootfs), mount) };
    if (mount.type === "image") return imageMount(store, mount);
    return { ...mount, path: mount.type === "tmpfs" ? "" : mount.source };
  });
}

/** The folder of the volume, made and filled when it is new. */
function prepareVolume(store: Store, mount: MountRequest, rootfs: Fd): string {
  const folder = volumeFolder(store, mount.source);
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (mount.noCopy || mount.subpath) return folder;
  using target = openFolderAt(AT_FDCWD, folder);
  if (readFolder(target.number).length > 0) return folder;
  const found = openInRoot(rootfs.number, mount.target.replace(/^\/+/, ""), O_RDONLY | O_DIRECTORY);
  if (found < 0) return folder; // the image has no folder there
  using source = new Fd(found);
  copyFolder(source.number, target.number);
  return folder;
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

/** An image's layers, read-only: the one layer itself, or an overlay of them. */
function imageMount(store: Store, mount: MountRequest): ResolvedMount {
  const image = findImage(store, { name: mount.source, reference: canonical(parseTagged(mount.source)) });
  if (!image) throw new HoyError(`No such image: ${mount.source}`, { status: 404, hint: `hoy pull ${mount.source}` });
  const { folders } = layerPaths(store, image.id);
  const [only, ...others] = folders;
  if (only === undefined) throw new HoyError(`the image ${mount.source} has no layers to mount`, { status: 400 });
  if (others.length === 0) return { ...mount, readOnly: true, path: subpath(only, mount) };
  if (mount.subpath)
    throw new HoyError(`image-subpath is not supported for ${mount.source}: the image has ${folders.length} layers`, { status: 400 });
  return { ...mount, readOnly: true, path: "", layers: folders };
}
