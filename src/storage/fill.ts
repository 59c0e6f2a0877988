/**
 * Docker's copy-up: an empty volume takes what the image has at its target. A volume counts as filled as soon as there is a file in
 * it, so a copy that SIGKILL cut off must not be seen:
 *
 *     source ──copy──> <volume>/filling ──rename──> <volume>/filled ──its entries, one by one──> <volume>/_data
 *
 * Before the rename nothing has happened; after it whoever comes next does the rest. `_data` itself stays the same folder, as other
 * containers may have it mounted.
 */

import { dirname, join } from "node:path";
import { mkdirAt, openFolderAt, readFolder, renameAt, statAt } from "../../ffi/at.ts";
import { copyFolder, copyLook } from "../../ffi/copy.ts";
import { check } from "../../ffi/errno.ts";
import { AT_FDCWD, type Fd, lockExclusive } from "../../ffi/fd.ts";
import { existsSync } from "../../ffi/fs.ts";
import { removeTreeAt } from "./remove.ts";

const COPYING = "filling";
const COPIED = "filled";

/** Fills the folder `data` from the open folder `source` when it is empty. Throws SysError; then nothing was filled. */
export function fillFolder(data: string, source: Fd): void {
  using volume = lockedVolume(data);
  moveIn(volume, data);
  using target = openFolderAt(AT_FDCWD, data);
  if (readFolder(target.number).length > 0) return;
  removeTreeAt(volume.number, COPYING);
  try {
    check(mkdirAt(volume.number, COPYING, 0o700), `mkdir ${COPYING}`);
    using copy = openFolderAt(volume.number, COPYING);
    copyFolder(source.number, copy.number);
  } catch (error) {
    removeTreeAt(volume.number, COPYING);
    throw error;
  }
  check(renameAt(volume.number, COPYING, volume.number, COPIED), `rename ${COPYING}`);
  moveIn(volume, data);
}

/** Does what a dead process left to do. Costs a look when there is nothing. Throws SysError. */
export function finishFilling(data: string): void {
  if (!existsSync(join(dirname(data), COPIED))) return;
  using volume = lockedVolume(data);
  moveIn(volume, data);
}

/** Two containers that start at once fill a volume one after the other. */
function lockedVolume(data: string): Fd {
  const volume = openFolderAt(AT_FDCWD, dirname(data));
  lockExclusive(volume.number);
  return volume;
}

function moveIn(volume: Fd, data: string): void {
  if (!statAt(volume.number, COPIED)) return;
  {
    using copied = openFolderAt(volume.number, COPIED);
    using target = openFolderAt(AT_FDCWD, data);
    for (const { name } of readFolder(copied.number))
      if (!statAt(target.number, name)) check(renameAt(copied.number, name, target.number, name), `rename ${name}`);
    copyLook(copied.number, target.number);
  }
  removeTreeAt(volume.number, COPIED);
}
