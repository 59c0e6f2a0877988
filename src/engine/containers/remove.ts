/** `rm`. */
import { join } from "node:path";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { removeTree } from "../../storage/remove.ts";
import { deleteContainer } from "./delete.ts";
import { guardContainer } from "./guard.ts";
import { isPaused } from "./paused.ts";
import { type ContainerRow, dataFolder, rowById } from "./row.ts";
import { openProcess } from "./signal.ts";
import { killAndSettle } from "./stop.ts";
import { undoStart } from "./sweep.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";

export interface RemoveRequest {
  /** Kills a running container. */
  force: boolean;
  /** Its anonymous volumes too. */
  volumes: boolean;
}

/** Removes the container. Throws HoyError when it runs and `force` is not given. */
export async function removeContainer(store: Store, id: string, { force, volumes }: RemoveRequest): Promise<void> {
  await remove(store, id, { force, volumes });
  await sweepSometimes(store);
}

async function remove(store: Store, id: string, { force, volumes }: RemoveRequest): Promise<void> {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  if (!row) return;
  if (!force && isRunning(store, row)) {
    const how = isPaused(store, id) ? "paused and must be unpaused first" : "running: stop the container before removing or force remove";
    throw new HoyError(`cannot remove container "${row.name}": container is ${how}`, { status: 409 });
  }
  if (!force && row.state === "restarting")
    throw new HoyError(
      `cannot remove container "${row.name}": container is restarting: stop the container before removing or force remove`,
      { status: 409 },
    );
  try {
    await endAndDelete(store, row, volumes);
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_FULL") throw error;
    // Its own files may be what fills the disk, and then they have to go before anything can be written.
    removeTree(join(dataFolder(store, row.id), "upper"));
    await endAndDelete(store, row, volumes);
  }
}

async function endAndDelete(store: Store, row: ContainerRow, volumes: boolean): Promise<void> {
  // Also when its program has just ended: what follows an end (cgroup, network) may not have happened yet.
  if (row.state === "starting") await undoStart(store, row);
  else await killAndSettle(store, row);
  await deleteContainer(store, row, { volumes });
}

function isRunning(store: Store, row: ContainerRow): boolean {
  using process = openProcess(store, row);
  return process !== undefined;
}
