/** `system boot`: after a start of the machine, what a daemon does as it starts: containers go on as their policies say. */
import type { Store } from "../../state/store.ts";
import { type ContainerRow, ROW_COLUMNS, toRow } from "../containers/row.ts";
import { startExisting } from "../containers/start-existing.ts";
import { containerState, isUp } from "../containers/state.ts";
import { sweep } from "../containers/sweep.ts";

/** Those that ran when the machine went down wait for their restart after the sweep; of the others, whom nobody stopped. */
function isDue(store: Store, row: ContainerRow): boolean {
  const { Name } = row.options.hostConfig.RestartPolicy;
  if (isUp(containerState(store, row).status) || row.started === 0) return false;
  // as dockerd: what was stopped by hand is started again with "always"
  return Name === "always" || (Name === "unless-stopped" && !row.stopped);
}

export interface Booted {
  id: string;
  /** Why it could not be started. */
  error?: unknown;
}

/** Starts them, oldest first; one that cannot be started keeps none of the others. */
export async function boot(store: Store): Promise<Booted[]> {
  await sweep(store);
  const rows = store.db.query(`SELECT ${ROW_COLUMNS} FROM containers ORDER BY created, id`).all().map(toRow);
  const booted: Booted[] = [];
  for (const row of rows) {
    if (!isDue(store, row)) continue;
    try {
      await startExisting(store, row.id, { attached: false });
      booted.push({ id: row.id });
    } catch (error) {
      booted.push({ id: row.id, error });
    }
  }
  return booted;
}
