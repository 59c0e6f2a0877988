/** The lock that orders what changes one container: starts, stops and removals of it wait for each other. */

import { join } from "node:path";
import type { Fd } from "../../../ffi/fd.ts";
import { fstatSync } from "../../../ffi/fs.ts";
import { lock, tryLockPath } from "../../state/lock.ts";
import type { Store } from "../../state/store.ts";
import { runFolder } from "./row.ts";

/** Waits for the container's lock. `using` gives it back. */
export const guardContainer = (store: Store, id: string): Fd => lock(join(runFolder(store, id), "lock"));

/** The container's lock, or undefined while somebody else changes the container. */
export const tryGuardContainer = (store: Store, id: string): Fd | undefined => tryLockPath(join(runFolder(store, id), "lock"));

/**
 * The lock of a container that is being made. It has no row yet, so that between the making of the lock's file and its locking a
 * sweep may take both file and folder for a leftover; a lock that nobody else can find is none.
 */
export function guardNewContainer(store: Store, id: string): Fd {
  for (;;) {
    const guard = guardContainer(store, id);
    if (fstatSync(guard.number).nlink > 0) return guard;
    guard.close();
  }
}
