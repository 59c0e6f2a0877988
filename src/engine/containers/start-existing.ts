/** `start` of a container that exists. */
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { finishContainer, isAlive } from "./finish.ts";
import { guardContainer } from "./guard.ts";
import { isPaused } from "./paused.ts";
import { rowById } from "./row.ts";
import type { Running } from "./run.ts";
import { Session } from "./session.ts";
import { type StartRequest, startContainer } from "./start.ts";

/** Starts it; undefined when it runs already. Throws HoyError. */
export async function startExisting(store: Store, id: string, request: StartRequest): Promise<Running | undefined> {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  if (!row) return undefined;
  if (row.state === "running") {
    if (isAlive(store, id)) {
      if (isPaused(store, id)) throw new HoyError("cannot start a paused container, try unpause instead", { status: 409 });
      return undefined;
    }
    await finishContainer(store, row);
    if (row.autoRemove) return undefined;
  }
  const { monitor } = await startContainer(store, row, request);
  return { row, session: new Session(monitor.owner, monitor.frames) };
}
