/**
 * What can be done to an unpacked layer only when the layers below it are there: a folder that the layer's tar left out looks
 * as below (containerd's "mkparent"), and an opaque root hides what lies below by marks of its own.
 */
import { chmodAt, chownAt, readFolder, S_IFDIR, S_IFMT, setTimes, statAt } from "../../../ffi/at.ts";
import { check, EOPNOTSUPP, EPERM } from "../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_PATH, O_RDONLY, open, openInRoot } from "../../../ffi/fd.ts";
import { getXattr, listXattrs, setXattr } from "../../../ffi/xattr.ts";
import { copyLowerLinks } from "./lower-links.ts";
import { overlayMarks, pathIn } from "./overlay-marks.ts";
import { canChown } from "./ownership.ts";
import type { UnpackedLayer } from "./writer.ts";

export interface SettleOptions {
  /** The layer's folder. */
  root: string;
  /** Folders of the layers below, the topmost first. */
  lowers: readonly string[];
  rootless: boolean;
}

/** Throws SysError. */
export function settleLayer(layer: UnpackedLayer, { root, lowers, rootless }: SettleOptions): void {
  if (lowers.length === 0) defaultRootMode(layer, root);
  if (lowers.length === 0 && layer.lowerLinks.length === 0) return;
  if (layer.implicit.length === 0 && !layer.opaqueRoot && layer.lowerLinks.length === 0) return;
  using folder = open(root, O_RDONLY | O_DIRECTORY);
  const below: Fd[] = lowers.map((path) => open(path, O_RDONLY | O_DIRECTORY));
  try {
    copyLowerLinks(layer.lowerLinks, folder.number, layer.opaqueRoot ? [] : below);
    if (layer.opaqueRoot) hideAll(folder.number, below, rootless);
    // A folder's time changes with what is made in it, so the deepest come first.
    for (const path of [...layer.implicit].sort().reverse()) inherit(folder.number, path, below);
  } finally {
    for (const fd of below) fd.close();
  }
}

function defaultRootMode(layer: UnpackedLayer, root: string): void {
  if (!layer.implicit.includes("")) return;
  using folder = open(root, O_RDONLY | O_DIRECTORY);
  check(chmodAt(folder.number, ".", 0o755), "change the mode of the layer's root");
}

function inherit(root: number, path: string, below: readonly Fd[]): void {
  const target = openInRoot(root, path || ".", O_PATH | O_DIRECTORY);
  // Replaced by something else later in the layer.
  if (target < 0) return;
  using to = new Fd(target);
  for (const lower of below) {
    const found = openInRoot(lower.number, path || ".", O_PATH | O_DIRECTORY);
    if (found < 0) continue;
    using from = new Fd(found);
    copyLook(from.number, to.number);
    return;
  }
  if (path === "") check(chmodAt(root, ".", 0o755), "change the mode of the layer's root");
}

function copyLook(from: number, to: number): void {
  const status = statAt(from, "");
  if (!status || (status.mode & S_IFMT) !== S_IFDIR) return;
  if (canChown()) check(chownAt(to, ".", status.uid, status.gid), "change the owner of a folder");
  check(chmodAt(to, ".", status.mode & 0o7777), "change the mode of a folder");
  for (const name of listXattrs(pathIn(from, "."))) {
    if (name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.")) continue;
    const value = getXattr(pathIn(from, "."), name);
    const result = value ? setXattr(pathIn(to, "."), name, value) : 0;
    // Labels that this user may not set.
    if (result !== -EPERM && result !== -EOPNOTSUPP) check(result, `set attribute ${name}`);
  }
  check(setTimes(to, ".", status.atime, status.mtime), "set the times of a folder");
}

/** Whiteouts for all that lies at the top of the layers below; overlayfs always merges the roots themselves. */
function hideAll(root: number, below: readonly Fd[], rootless: boolean): void {
  const marks = overlayMarks(rootless);
  const before = statAt(root, "");
  for (const lower of below) {
    for (const { name } of readFolder(lower.number)) {
      if (!marks.whiteout(root, name) && ((statAt(root, name)?.mode ?? 0) & S_IFMT) === S_IFDIR) marks.opaque(root, name);
    }
  }
  if (before) check(setTimes(root, ".", before.atime, before.mtime), "set the times of the layer's root");
}
