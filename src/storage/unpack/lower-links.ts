/**
 * Hard links to files of the layers below. An overlay cannot link over layers, Docker fails on them; here the file is copied,
 * which is what the image looks like to its programs but for the inode number.
 */
import { chmodAt, chownAt, linkAt, S_IFMT, S_IFREG, setTimes, statAt, unlinkAt } from "../../../ffi/at.ts";
import { check, EINTR } from "../../../ffi/errno.ts";
import { Fd, O_CREAT, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY, open, openAt, openInRoot } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { getXattr, listXattrs, setXattr } from "../../../ffi/xattr.ts";
import { HoyError } from "../../spec/error.ts";
import { shown } from "../tar/entry.ts";
import { splitName } from "./names.ts";
import { pathIn } from "./overlay-marks.ts";
import { canChown } from "./ownership.ts";

/** A hard link whose target is not in its layer; both are cleaned paths. */
export interface LowerLink {
  path: string;
  target: string;
}

/** Makes them in the layer with the open folder `root`; `below` are the folders of the layers under it. Throws HoyError, SysError. */
export function copyLowerLinks(links: readonly LowerLink[], root: number, below: readonly Fd[]): void {
  const made = new Map<string, string>();
  for (const { path, target } of links) {
    const { parent, base } = splitName(path);
    using folder = new Fd(check(openInRoot(root, parent || ".", O_PATH), `open ${shown(parent)}`));
    const before = statAt(folder.number, "");
    const first = made.get(target);
    if (first !== undefined) {
      const from = splitName(first);
      using source = new Fd(check(openInRoot(root, from.parent || ".", O_PATH), `open ${shown(first)}`));
      unlinkAt(folder.number, base);
      check(linkAt(source.number, from.base, folder.number, base), `link ${shown(path)}`);
    } else {
      using source = findBelow(target, below);
      if (!source) throw new HoyError(`layer entry ${shown(path)} is a hard link to ${shown(target)}, which is in no layer`);
      copyFile(source, folder.number, base);
      made.set(target, path);
    }
    if (before) setTimes(folder.number, ".", before.atime, before.mtime);
  }
}

/** The file in the topmost layer that has the name; what is no regular file ends the search. */
function findBelow(target: string, below: readonly Fd[]): Fd | undefined {
  for (const lower of below) {
    const found = openInRoot(lower.number, target, O_PATH | O_NOFOLLOW);
    if (found < 0) continue;
    using status = new Fd(found);
    if (((statAt(found, "")?.mode ?? 0) & S_IFMT) !== S_IFREG) return undefined;
    return open(status.path, O_RDONLY);
  }
  return undefined;
}

function copyFile(source: Fd, at: number, base: string): void {
  const status = statAt(source.number, "");
  if (!status) return;
  unlinkAt(at, base);
  using file = openAt(at, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  for (;;) {
    const copied = sys(NR.sendfile, file.number, source.number, 0, 1 << 24);
    if (copied === -EINTR) continue;
    if (check(copied, `copy ${shown(base)}`) === 0) break;
  }
  if (canChown()) check(chownAt(at, base, status.uid, status.gid), `change the owner of ${shown(base)}`);
  check(chmodAt(at, base, status.mode & 0o7777), `change the mode of ${shown(base)}`);
  for (const name of listXattrs(source.number)) {
    const value = getXattr(source.number, name);
    // Labels of this host's policy come by themselves; what may not be set was not part of the layer.
    if (value) setXattr(pathIn(at, base), name, value);
  }
  check(setTimes(at, base, status.atime, status.mtime), `set the times of ${shown(base)}`);
}
