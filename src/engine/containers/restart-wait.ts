/**
 * The wait of a container between its end and its restart. Its row is "restarting"; whoever waits holds the lock `waiter` in its run
 * folder: the process that did what follows the end (an attached run, or the monitor's `__followup`). A waiter that was killed leaves
 * a row without one, and the next sweep starts another. `stop` and `kill` end the wait by changing the row.
 */

import type { Store } from "../../state/store.ts";
import { guardContainer } from "./guard.ts";
import { type ContainerRow, rowById } from "./row.ts";
import type { Running } from "./run.ts";
import { Session } from "./session.ts";
import { type StartRequest, startContainer } from "./start.ts";
import { waiterLock } from "./waiter.ts";

/** So often the row is looked at: a stop is noticed as late as that. */
const LOOK_MS = 200;

/** The row, as long as the restart is wanted. Somebody may have stopped the container while its end was being recorded. */
function waiting(store: Store, id: string): ContainerRow | undefined {
  const row = rowById(store, id);
  if (row?.state !== "restarting") return undefined;
  if (!row.stopped) return row;
  store.db.query("UPDATE containers SET state = 'exited' WHERE id = ? AND state = 'restarting' AND stopped = 1").run(id);
  return undefined;
}

/**
 * Waits and starts the container; undefined when somebody else waits, or nobody wants it any more. `onWait` is called now and then
 * meanwhile. Throws HoyError when it cannot be started: then it has ended for good, as with dockerd.
 */
export async function restartWhenDue(
  store: Store,
  id: string,
  request: StartRequest & { onWait?: () => void },
): Promise<Running | undefined> {
  if (!waiting(store, id)) return undefined;
  using lock = waiterLock(store, id);
  if (!lock) return undefined;
  for (;;) {
    request.onWait?.();
    const row = waiting(store, id);
    if (!row) return undefined;
    // whatever the clock does, no longer than that
    const left = Math.min(row.finished + row.restartDelay - Date.now(), row.restartDelay);
    if (left <= 0) break;
    await Bun.sleep(Math.min(left, LOOK_MS));
  }
  using _guard = guardContainer(store, id);
  const row = waiting(store, id);
  if (!row) return undefined;
  const { monitor } = await startContainer(store, row, { ...request, again: true });
  return { row, session: new Session(monitor.owner, monitor.frames) };
}
