/** Copying a tree between two open folders: owners, modes, times, xattrs, links and devices are kept; no link is ever followed. */
import {
  chmodAt,
  chownAt,
  type FileStatus,
  makeDevice,
  mkdirAt,
  mknodAt,
  openFolderAt,
  readFolder,
  readLinkAt,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  setTimes,
  statAt,
  symlinkAt,
} from "./at.ts";
import { check, EOPNOTSUPP, EPERM } from "./errno.ts";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, openAt } from "./fd.ts";
import { sys } from "./libc.ts";
import { NR } from "./syscalls.ts";
import { getXattr, listXattrs, setXattr } from "./xattr.ts";

const PIECE = 1 << 30;

/** Who a copy belongs to. */
export type Owners = (original: { uid: number; gid: number }) => { uid: number; gid: number };

const same: Owners = (original) => original;

/**
 * Copies what lies in the folder `from` into the folder `to`, and gives `to` the owner, mode and times of `from`; `owners` says who
 * the copies belong to, where it is not who has the originals. Throws SysError.
 */
export function copyFolder(from: number, to: number, owners: Owners = same): void {
  for (const { name } of readFolder(from)) copyEntry(from, to, name, owners);
  copyLook(from, to, owners);
}

/** Gives the open folder `to` the owner, mode, times and attributes of `from`. Throws SysError. */
export function copyLook(from: number, to: number, owners: Owners = same): void {
  const status = statAt(from, "");
  if (!status) return;
  const { uid, gid } = owners(status);
  check(sys(NR.fchown, to, uid, gid), "chown the copied folder");
  check(sys(NR.fchmod, to, status.mode & 0o7777), "chmod the copied folder");
  copyXattrs(from, to);
  check(setTimes(to, undefined, status.atime, status.mtime), "set the times of the copied folder");
}

function copyEntry(from: number, to: number, name: string, owners: Owners): void {
  const original = statAt(from, name);
  if (!original) return;
  const status = { ...original, ...owners(original) };
  const type = status.mode & S_IFMT;
  if (type === S_IFDIR) {
    check(mkdirAt(to, name, 0o700), `mkdir ${name}`);
    using source = openFolderAt(from, name);
    using target = openFolderAt(to, name);
    copyFolder(source.number, target.number, owners);
    return;
  }
  if (type === S_IFREG) {
    copyFile(from, to, name, status);
    return;
  }
  if (type === S_IFLNK) check(symlinkAt(readLinkAt(from, name) ?? "", to, name), `symlink ${name}`);
  else {
    const made = mknodAt(to, name, status.mode, makeDevice(status.deviceMajor, status.deviceMinor));
    // devices cannot be made in a user namespace: there the copy goes without them, as unpacking a layer does
    if (made === -EPERM) return;
    check(made, `mknod ${name}`);
  }
  check(chownAt(to, name, status.uid, status.gid), `chown ${name}`);
  if (type !== S_IFLNK) check(chmodAt(to, name, status.mode & 0o7777), `chmod ${name}`);
  check(setTimes(to, name, status.atime, status.mtime), `set the times of ${name}`);
}

function copyFile(from: number, to: number, name: string, status: FileStatus): void {
  using source = openAt(from, name, O_RDONLY | O_NOFOLLOW);
  using target = openAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  for (let left = status.size; left > 0; ) {
    const copied = check(sys(NR.sendfile, target.number, source.number, 0, Math.min(left, PIECE)), `copy ${name}`);
    if (copied === 0) break;
    left -= copied;
  }
  check(sys(NR.fchown, target.number, status.uid, status.gid), `chown ${name}`);
  check(sys(NR.fchmod, target.number, status.mode & 0o7777), `chmod ${name}`);
  copyXattrs(source.number, target.number);
  check(setTimes(target.number, undefined, status.atime, status.mtime), `set the times of ${name}`);
}

/** Overlay's own marks are not the files'. */
const isMark = (name: string): boolean => name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");

function copyXattrs(from: number, to: number): void {
  for (const name of listXattrs(from)) {
    if (isMark(name)) continue;
    const value = getXattr(from, name);
    const result = value ? setXattr(to, name, value) : 0;
    // a tmpfs has no user.* before Linux 6.6, other file systems none at all
    if (result !== -EOPNOTSUPP) check(result, `set attribute ${name}`);
  }
}
