/** `wait`: blocks until containers have ended. */

import { join } from "node:path";
import { lockShared, O_RDWR, open } from "../../../ffi/fd.ts";
import { existsSync } from "../../../ffi/fs.ts";
import type { Store } from "../../state/store.ts";
import { readExit } from "./finish.ts";
import { type ContainerRow, rowById, runFolder } from "./row.ts";

/** Waits for the end of the container's current run; returns its exit code, the last one's when it does not run. */
export function waitContainer(store: Store, row: ContainerRow): number {
  const path = join(runFolder(store, row.id), "alive");
  if (row.state === "running" && existsSync(path)) {
    using alive = open(path, O_RDWR);
    lockShared(alive.number);
  }
  if (row.options.hostConfig.RestartPolicy.Name !== "no") waitForGood(store, row.id);
  return readExit(store, row.id)?.code ?? exitOfRow(store, row);
}

const LOOK_MS = 100;

/** As Docker's: an end that a restart follows is none. */
function waitForGood(store: Store, id: string): void {
  for (let state = rowById(store, id)?.state; state === "running" || state === "restarting"; state = rowById(store, id)?.state)
    Bun.sleepSync(LOOK_MS);
}

/** From the row, or, when --rm has taken it, from the event that told of the end. */
function exitOfRow(store: Store, row: ContainerRow): number {
  const now = rowById(store, row.id);
  if (now) return now.exitCode;
  const event = store.db.query("SELECT attributes FROM events WHERE actor = ? AND action = 'die' ORDER BY seq DESC LIMIT 1").get(row.id);
  return event ? Number((JSON.parse((event as { attributes: string }).attributes) as { exitCode?: string }).exitCode ?? 0) : 0;
}
