/** What a start leaves in the database: that it runs, that it began, or why it did not. */
import type { HoyError } from "../../spec/error.ts";
import { forGood, type Store } from "../../state/store.ts";
import { recordContainer } from "./events.ts";
import type { ContainerRow } from "./row.ts";

/** The row says that it runs; committed before the program may. */
export function commitRunning(store: Store, row: ContainerRow, { pid, again }: { pid: number; again: boolean }): void {
  if (!again) Object.assign(row, { restartCount: 0, restartDelay: 0, stopped: false });
  // a reboot ends the container, but not what its policy has it do then
  if (row.options.hostConfig.RestartPolicy.Name !== "no" && !again) forGood(store);
  row.state = "running";
  row.pid = pid;
  row.started = Date.now();
  store.db
    .query(
      "UPDATE containers SET state = 'running', pid = ?, started = ?, finished = 0, exit_code = 0, oom_killed = 0, error = '', restart_count = ?, restart_delay = ?, stopped = stopped AND ? WHERE id = ?",
    )
    .run(pid, row.started, row.restartCount, row.restartDelay, again ? 1 : 0, row.id);
}

/** The event. The program runs: if that cannot be written down (a full disk), it runs all the same. */
export function recordStart(store: Store, row: ContainerRow): void {
  try {
    store.db.transaction(() => recordContainer(store, row, "start")).immediate();
  } catch {
    // see above
  }
}

/** Times of the run before this start; 0 for none. */
export type LastRun = Pick<ContainerRow, "started" | "finished">;

/** As Docker: a start that failed is none, so the times stay those of the last run, and a container without one is as created. */
export function recordFailure(store: Store, row: ContainerRow, { error, before }: { error: HoyError; before: LastRun }): void {
  Object.assign(row, before, { state: before.started > 0 ? "exited" : "created", pid: 0 });
  store.db
    .query("UPDATE containers SET state = ?, pid = 0, exit_code = ?, error = ?, started = ?, finished = ? WHERE id = ?")
    .run(row.state, error.exitCode ?? 125, error.message, before.started, before.finished, row.id);
}
