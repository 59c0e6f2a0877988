/** Owner, mode, attributes and times of unpacked files, in the order that keeps them: chown clears setuid bits and capabilities. */
import { chmodAt, chownAt, setTimes } from "../../../ffi/at.ts";
import { check, EINVAL, ENODATA, EOPNOTSUPP, EPERM, SysError } from "../../../ffi/errno.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { setXattr } from "../../../ffi/xattr.ts";
import { shown, type TarEntry } from "../tar/entry.ts";
import { pathIn } from "./overlay-marks.ts";
import { checkChown } from "./ownership.ts";

/** A layer must not speak to overlayfs itself: redirects and metacopies in it could show other layers' files. */
const isOverlayMark = (name: string): boolean => name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");

export function applyXattrs(target: number | string, entry: TarEntry): void {
  for (const [name, value] of entry.xattrs) {
    if (isOverlayMark(name)) continue;
    const result = setXattr(target, name, value);
    if (result === 0) continue;
    // What this file system or this user cannot have is left out, as Docker and Podman do; so are labels of another policy.
    if (result === -EOPNOTSUPP || result === -EPERM || result === -ENODATA) continue;
    if (result === -EINVAL && name.startsWith("security.")) continue;
    throw new SysError(`set attribute ${shown(name)} of ${shown(entry.name)}`, -result);
  }
}

export const atimeOf = (entry: TarEntry): bigint => entry.atime ?? entry.mtime;

/** What is to be changed; false for what the file has already. */
export interface Changes {
  owner: boolean;
  mode: boolean;
}

/** A file that is open for writing. */
export function applyToFile(fd: number, entry: TarEntry, changes: Changes): void {
  if (changes.owner) checkChown(sys(NR.fchown, fd, entry.uid, entry.gid), entry);
  if (changes.mode) check(sys(NR.fchmod, fd, entry.mode), `change the mode of ${shown(entry.name)}`);
  if (entry.xattrs.size > 0) applyXattrs(fd, entry);
  check(setTimes(fd, undefined, atimeOf(entry), entry.mtime), `set the times of ${shown(entry.name)}`);
}

/** Anything else but a folder: links, devices, pipes. */
export function applyToNode(at: number, base: string, entry: TarEntry, chown: boolean): void {
  if (chown) checkChown(chownAt(at, base, entry.uid, entry.gid), entry);
  if (entry.type !== "symlink") check(chmodAt(at, base, entry.mode), `change the mode of ${shown(entry.name)}`);
  if (entry.xattrs.size > 0) applyXattrs(pathIn(at, base), entry);
  check(setTimes(at, base, atimeOf(entry), entry.mtime), `set the times of ${shown(entry.name)}`);
}

/** The mode that a folder has until its layer is complete: without rights an ordinary user could put nothing into it. */
export const folderMode = (entry: TarEntry, chown: boolean): number => (chown ? entry.mode : entry.mode | 0o700);

export interface FolderChanges {
  /** Descriptor and name. */
  at: number;
  base: string;
  owner: boolean;
  /** Undefined leaves it. */
  mode: number | undefined;
}

/** A folder, but for its times: files are still to come into it. */
export function applyToFolder(entry: TarEntry, { at, base, owner, mode }: FolderChanges): void {
  if (owner) checkChown(chownAt(at, base, entry.uid, entry.gid), entry);
  if (mode !== undefined) check(chmodAt(at, base, mode), `change the mode of ${shown(entry.name)}`);
  if (entry.xattrs.size > 0) applyXattrs(pathIn(at, base), entry);
}

/** What `finishFolder` needs of an entry: a layer has many folders, and all are kept until its end. */
export interface FolderLook {
  mode: number;
  atime: bigint;
  mtime: bigint;
}

export const folderLook = (entry: TarEntry): FolderLook => ({ mode: entry.mode, atime: atimeOf(entry), mtime: entry.mtime });

/** What `applyToFolder` left for the end. */
export function finishFolder(at: number, base: string, { mode, atime, mtime }: FolderLook, chown: boolean): void {
  if (!chown && (mode & 0o700) !== 0o700) check(chmodAt(at, base, mode), `change the mode of ${shown(base)}`);
  check(setTimes(at, base, atime, mtime), `set the times of ${shown(base)}`);
}
