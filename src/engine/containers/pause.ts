/** `pause` and `unpause` (moby daemon/pause.go, unpause.go). */
import { HoyError } from "../../spec/error.ts";
import { forThisBoot, type Store } from "../../state/store.ts";
import { freeze, thaw } from "./freeze.ts";
import { guardContainer } from "./guard.ts";
import { isPaused } from "./paused.ts";
import { type ContainerRow, rowById } from "./row.ts";
import { noProcess, notRunning, openProcess } from "./signal.ts";

const conflict = (message: string): HoyError => new HoyError(message, { status: 409 });

/** Freezes every process of the container. Throws HoyError when it does not run or is paused already. */
export function pauseContainer(store: Store, { id }: Pick<ContainerRow, "id">): void {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  using process = row && openProcess(store, row);
  if (!row || !process) throw row ? noProcess(store, row) : notRunning({ id });
  if (isPaused(store, id)) throw conflict(`Container ${id} is already paused`);
  forThisBoot(store);
  freeze(store, row);
}

/** Lets them go on. Throws HoyError when it is not paused. */
export function unpauseContainer(store: Store, { id }: Pick<ContainerRow, "id">): void {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  forThisBoot(store);
  if (!row || !thaw(store, row)) throw conflict(`Container ${id} is not paused`);
}
