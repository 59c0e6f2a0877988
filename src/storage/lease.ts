/**
 * Work in progress: a folder below `tmp/` with a flocked file `lease` in it. When its process is dead, whatever killed it, the
 * lock can be taken and the folder is swept. The file lists the digests that garbage collection must leave alone meanwhile.
 */

import { join } from "node:path";
import { isErrno } from "../../ffi/at.ts";
import { EEXIST, ENOENT, ENOTDIR } from "../../ffi/errno.ts";
import { type Fd, O_CREAT, O_EXCL, O_RDWR, open, tryLock } from "../../ffi/fd.ts";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "../../ffi/fs.ts";
import type { Store, StorePaths } from "../state/store.ts";
import { removeTree } from "./remove.ts";

export interface Lease extends Disposable {
  /** A folder of its own, removed with all in it at the end. */
  readonly folder: string;
  /** Leases one more digest. Whether that is still there is to be asked after this: from then on no collection takes it. */
  keep(digest: string): void;
}

const temporary = (store: StorePaths): string => join(store.root, "tmp");

/** Makes a working folder; `keep` are digests (blobs, chain ids) that must not be collected while it lives. Throws SysError. */
export function takeLease(store: Store, keep: readonly string[] = []): Lease {
  for (;;) {
    const folder = join(temporary(store), Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex"));
    mkdirSync(folder, { mode: 0o700 });
    const fd = lockedFile(folder);
    // A sweeper was here between the two calls.
    if (!fd) continue;
    const list = join(folder, "lease");
    const kept = new Set(keep);
    writeFileSync(list, keep.map((digest) => `${digest}\n`).join(""));
    return {
      folder,
      keep(digest) {
        if (kept.has(digest)) return;
        kept.add(digest);
        appendFileSync(list, `${digest}\n`);
        awaitCollections(store);
      },
      [Symbol.dispose]() {
        removeTree(folder);
        fd.close();
      },
    };
  }
}

/** A collection that began before, and may not know of a lease, ends here; every later one sees it. */
export const awaitCollections = (store: Store): void => store.db.transaction(() => {}).immediate();

function lockedFile(folder: string): Fd | undefined {
  const path = join(folder, "lease");
  let fd: Fd;
  try {
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
  } catch (error) {
    if (isErrno(error, ENOENT, EEXIST)) return undefined;
    throw error;
  }
  if (tryLock(fd.number) && existsSync(path)) return fd;
  fd.close();
  return undefined;
}

/** The lock of a lease whose holder is dead, or undefined. */
function takeOver(folder: string): Fd | undefined {
  let fd: Fd;
  try {
    fd = open(join(folder, "lease"), O_RDWR | O_CREAT, 0o600);
  } catch (error) {
    // Somebody else swept it, or it is no working folder at all.
    if (isErrno(error, ENOENT, ENOTDIR)) return undefined;
    throw error;
  }
  if (tryLock(fd.number)) return fd;
  fd.close();
  return undefined;
}

function folders(store: StorePaths): string[] {
  return existsSync(temporary(store)) ? readdirSync(temporary(store)).map((name) => join(temporary(store), name)) : [];
}

/** Removes what dead processes left below `tmp/`. Cheap when there is nothing. Throws SysError. */
export function sweepTemporary(store: StorePaths): void {
  for (const folder of folders(store)) {
    const fd = takeOver(folder);
    if (!fd) continue;
    removeTree(folder);
    fd.close();
  }
}

/** The digests that living leases hold. */
export function leasedDigests(store: StorePaths): Set<string> {
  const kept = new Set<string>();
  for (const folder of folders(store)) {
    let list: string;
    try {
      list = readFileSync(join(folder, "lease"), "utf8");
    } catch (error) {
      // Ended in this moment, or not begun: whoever begins checks the database after this.
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) continue;
      throw error;
    }
    for (const digest of list.split("\n")) if (digest) kept.add(digest);
  }
  return kept;
}
