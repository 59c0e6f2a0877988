/** Who waits for a container's restart (restart-wait.ts): apart from the wait itself, which needs all that a start needs. */

import { join } from "node:path";
import type { Fd } from "../../../ffi/fd.ts";
import { tryLockPath } from "../../state/lock.ts";
import type { Store } from "../../state/store.ts";
import { engineEnvironment, engineProgram } from "./program.ts";
import { type ContainerRow, runFolder } from "./row.ts";

/** The process that finished the container has so long to begin its wait before a sweep thinks that it was killed. */
const GRACE_MS = 1000;

/** Makes the caller the one who waits; undefined when somebody else does. */
export const waiterLock = (store: Store, id: string): Fd | undefined => tryLockPath(join(runFolder(store, id), "waiter"));

/** Has a process of its own wait, when nobody does. */
export function launchWaiter(store: Store, { id }: Pick<ContainerRow, "id">): void {
  {
    using lock = waiterLock(store, id);
    if (!lock) return;
  }
  const { path, prefix } = engineProgram();
  const env = Object.fromEntries(engineEnvironment(store).map((entry) => entry.split(/=(.*)/s) as [string, string]));
  const options = { env, cwd: "/", detached: true, stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  Bun.spawn([path, ...prefix, "__followup", id], options).unref();
}

/** Waits that were cut off. */
export function launchWaiters(store: Store): void {
  const rows = store.db.query("SELECT id FROM containers WHERE state = 'restarting' AND finished < ?").all(Date.now() - GRACE_MS) as {
    id: string;
  }[];
  for (const row of rows) launchWaiter(store, row);
}
