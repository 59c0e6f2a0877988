/** Run folders of processes that joined a container under a monitor of their own: `exec-…` in the container's. */

import { join } from "node:path";
import { isErrno } from "../../../ffi/at.ts";
import { ENOENT } from "../../../ffi/errno.ts";
import { type Fd, lockExclusive, O_CREAT, O_RDONLY, O_RDWR, open, tryLock, tryLockShared } from "../../../ffi/fd.ts";
import { existsSync, mkdirSync, readdirSync, renameSync } from "../../../ffi/fs.ts";
import { removeTree } from "../../storage/remove.ts";

const PREFIX = "exec-";

export interface ExecFolder {
  folder: string;
  /** Locked; the monitor inherits it, and the folder goes once nobody holds it. */
  alive: Fd;
}

/** Makes one below the container's run folder, and removes those whose process has ended. */
export function makeExecFolder(parent: string, execId: string): ExecFolder {
  for (const name of readdirSync(parent)) if (name.startsWith(PREFIX)) removeEnded(join(parent, name));
  const folder = join(parent, `${PREFIX}${execId}`);
  // Under this name only with the lock held: nobody takes it for an ended one.
  const fresh = join(parent, `.${PREFIX}${execId}`);
  mkdirSync(fresh, { mode: 0o700 });
  const alive = open(join(fresh, "alive"), O_RDWR | O_CREAT, 0o600);
  lockExclusive(alive.number);
  renameSync(fresh, folder);
  return { folder, alive };
}

/** Ids of the processes below the container's run folder that still run. */
export function runningExecs(parent: string): string[] {
  if (!existsSync(parent)) return [];
  const folders = readdirSync(parent).filter((name) => name.startsWith(PREFIX));
  return folders.filter((name) => isHeld(join(parent, name))).map((name) => name.slice(PREFIX.length));
}

function isHeld(folder: string): boolean {
  try {
    using alive = open(join(folder, "alive"), O_RDONLY);
    return !tryLockShared(alive.number);
  } catch (error) {
    if (isErrno(error, ENOENT)) return false; // removed in this moment
    throw error;
  }
}

function removeEnded(folder: string): void {
  try {
    using alive = open(join(folder, "alive"), O_RDONLY);
    if (tryLock(alive.number)) removeTree(folder);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error; // somebody else has just removed it
  }
}
