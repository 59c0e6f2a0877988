/**
 * Locks and leases: flocked files. Dead means that the lock can be taken, so nothing has to be cleaned up after SIGKILL.
 * The file of a container's lock goes with its folder, which is renamed first: whoever waited for it asks again (guard.ts).
 */

import { dirname } from "node:path";
import { isErrno } from "../../ffi/at.ts";
import { ENOENT } from "../../ffi/errno.ts";
import { type Fd, lockExclusive, O_CREAT, O_RDWR, open, tryLock } from "../../ffi/fd.ts";
import { mkdirSync } from "../../ffi/fs.ts";

const MAX_TRIES = 100;

/** Takes the lock at `path`, waiting for its holder. `using` gives it back. */
export function lock(path: string): Fd {
  const fd = openLock(path);
  lockExclusive(fd.number);
  return fd;
}

/** The lock at `path`, or undefined when somebody alive holds it. */
export function tryLockPath(path: string): Fd | undefined {
  const fd = openLock(path);
  if (tryLock(fd.number)) return fd;
  fd.close();
  return undefined;
}

/** Opens the file; its folder is made when it is missing, again where somebody removes it at the same time. */
function openLock(path: string): Fd {
  for (let tries = 1; ; tries++) {
    try {
      return open(path, O_RDWR | O_CREAT, 0o600);
    } catch (error) {
      if (!isErrno(error, ENOENT) || tries > MAX_TRIES) throw error;
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    }
  }
}
