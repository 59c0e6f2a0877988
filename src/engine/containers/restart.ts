/** `restart`: a stop and a start under one lock, so that nobody comes in between. */
import { forThisBoot, type Store } from "../../state/store.ts";
import { deleteContainer } from "./delete.ts";
import { recordContainer } from "./events.ts";
import { guardContainer } from "./guard.ts";
import { type ContainerRow, rowById } from "./row.ts";
import { startContainer } from "./start.ts";
import { type StopRequest, stopRow } from "./stop.ts";
import { undoStart } from "./sweep.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";

/** Stops the container if it runs, and starts it. Throws HoyError. */
export async function restartContainer(store: Store, id: string, request: StopRequest): Promise<void> {
  await restart(store, id, request);
  await sweepSometimes(store);
}

async function restart(store: Store, id: string, request: StopRequest): Promise<void> {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  if (!row) return;
  if (row.state === "starting") await undoStart(store, row);
  // this end is not the one that --rm waits for; a kill before the next start leaves it to the sweep
  await stopRow(store, { ...row, autoRemove: false }, request);
  await startAgain(store, rowById(store, id));
}

async function startAgain(store: Store, row: ContainerRow | undefined): Promise<void> {
  if (!row) return;
  try {
    using _monitor = (await startContainer(store, row, { attached: false })).monitor.owner;
  } catch (error) {
    if (row.autoRemove) deleteContainer(store, row, { volumes: true });
    throw error;
  }
  forThisBoot(store);
  store.db.transaction(() => recordContainer(store, row, "restart")).immediate();
}
