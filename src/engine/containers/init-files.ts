/** What every container has besides its image, and programs look for: `/.dockerenv` and `/etc/mtab` (moby daemon/initlayer). */

import { join } from "node:path";
import { chownAt, mkdirAt, mknodAt, S_IFREG, symlinkAt } from "../../../ffi/at.ts";
import { Fd, O_DIRECTORY, O_PATH, openInRoot } from "../../../ffi/fd.ts";
import { readlinkSync } from "../../../ffi/fs.ts";

const MOUNTS = "/proc/mounts";

/** Who is root in the container, as hoy sees it. */
export interface Owner {
  uid: number;
  gid: number;
}

/**
 * Makes them below the root where they are missing: what the image has is kept. A root that may not be written to (a folder of
 * somebody else's) goes without.
 */
export function makeInitFiles(rootfs: Fd, root: Owner = { uid: 0, gid: 0 }): void {
  const give = (made: number, folder: Fd, name: string): void => {
    if (made === 0 && (root.uid !== 0 || root.gid !== 0)) chownAt(folder.number, name, root.uid, root.gid);
  };
  give(mknodAt(rootfs.number, ".dockerenv", S_IFREG | 0o755, 0), rootfs, ".dockerenv");
  give(mkdirAt(rootfs.number, "etc", 0o755), rootfs, "etc");
  // `etc` may be a link of the image's
  const found = openInRoot(rootfs.number, "etc", O_PATH | O_DIRECTORY);
  if (found < 0) return;
  using etc = new Fd(found);
  give(symlinkAt(MOUNTS, etc.number, "mtab"), etc, "mtab");
}

/** Bytes in the container's own layer that are not the container's doing: Docker keeps them in a layer below. */
export function initFilesSize(upper: string): number {
  try {
    return readlinkSync(join(upper, "etc/mtab")) === MOUNTS ? MOUNTS.length : 0;
  } catch {
    return 0; // the image's own, or replaced by a file
  }
}

/** What is there before the container's program runs: made here, or as a place for a mount (moby daemon/initlayer/setup_unix.go). */
const OWN_FOLDERS = new Set(["/dev", "/dev/pts", "/dev/shm", "/etc", "/proc", "/sys"]);
const OWN_FILES = new Set(["/.dockerenv", "/dev/console", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]);

export interface OwnLook {
  folder: boolean;
  /** Bytes. */
  size: number;
  /** Target of a symbolic link. */
  link: string | undefined;
}

/** True for a file of the container's own layer that is the engine's doing: the image has none of the name, and it is as it was made. */
export function isEnginesOwn(path: string, { folder, size, link }: OwnLook): boolean {
  if (folder) return OWN_FOLDERS.has(path);
  if (link !== undefined) return path === "/etc/mtab" && link === MOUNTS;
  return size === 0 && OWN_FILES.has(path);
}
