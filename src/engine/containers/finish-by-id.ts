/** What follows the end of a container, once it is nobody else's to do. */
import type { Store } from "../../state/store.ts";
import { finishContainer, isAlive } from "./finish.ts";
import { guardContainer } from "./guard.ts";
import { rowById } from "./row.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";

export async function finishById(store: Store, id: string): Promise<void> {
  await finish(store, id);
  await sweepSometimes(store);
}

async function finish(store: Store, id: string): Promise<void> {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  // somebody may have settled it meanwhile, and started it anew
  if (row?.state === "running" && !isAlive(store, id)) await finishContainer(store, row);
}
