/** What a container is doing now: its row, overruled where the run folder knows of an end that nobody has written into it yet. */
import type { Store } from "../../state/store.ts";
import { isAlive, readExit } from "./alive.ts";
import { isPaused } from "./paused.ts";
import { restartOf } from "./restart-policy.ts";
import type { ContainerRow } from "./row.ts";

export interface ContainerState {
  status: "created" | "running" | "paused" | "restarting" | "exited" | "dead";
  /** On the host; 0 unless it runs or is paused. */
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  /** Milliseconds since the epoch; 0 for never. */
  started: number;
  finished: number;
}

/** Exit code of a container whose monitor was killed, and its program with it. */
const KILLED = 137;

/** Reads only: to bring the row in order is for settleContainer (sweep.ts). */
export function containerState(store: Store, row: ContainerRow): ContainerState {
  const { oomKilled, error, started, finished, exitCode } = row;
  const status = statusOf(store, row);
  if (row.state !== "running") return { status, pid: 0, exitCode, oomKilled, error, started, finished };
  if (status !== "exited") return { status, pid: row.pid, exitCode: 0, oomKilled: false, error, started, finished };
  const { code, time } = readExit(store, row.id) ?? { code: KILLED, time: Date.now() };
  return {
    status: restartOf(row, code, time) === undefined ? status : "restarting",
    pid: 0,
    exitCode: code,
    oomKilled,
    error,
    started,
    finished: time,
  };
}

/** What Docker calls running: its program is there, whether it may go on or not, or will be soon. */
export const isUp = (status: ContainerState["status"]): boolean => status === "running" || status === "paused" || status === "restarting";

/** The status alone. A container whose start is under way, or was cut off, has not run yet. */
export function statusOf(store: Store, { id, state }: Pick<ContainerRow, "id" | "state">): ContainerState["status"] {
  if (state === "running") {
    if (!isAlive(store, id)) return "exited";
    return isPaused(store, id) ? "paused" : "running";
  }
  return state === "starting" ? "created" : state;
}
