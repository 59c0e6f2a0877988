/** What follows the end of a container, once it is nobody else's to do. */
import type { Store } from "../../state/store.ts";
import { finishContainer, isAlive } from "./finish.ts";
import { guardContainer } from "./guard.ts";
import { rowById } from "./row.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";

/** True when the container is to be started again, which is for the caller to do (restart-wait.ts). */
export async function finishById(store: Store, id: string): Promise<boolean> {
  if (await finish(store, id)) return true;
  await sweepSometimes(store);
  return false;
}

async function finish(store: Store, id: string): Promise<boolean> {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  // somebody may have settled it meanwhile, and started it anew
  if (row?.state === "running" && !isAlive(store, id)) await finishContainer(store, row);
  return row?.state === "restarting";
}
