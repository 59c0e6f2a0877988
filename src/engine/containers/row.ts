/** A container's row as the database has it, with its options read. */
import { join } from "node:path";
import type { Store } from "../../state/store.ts";
import { type ContainerOptions, defaultHostConfig } from "./options.ts";

/** created, starting (its start is under way or was cut off), running, restarting (it waits for that), exited, dead (its removal was cut off). */
export type RowState = "created" | "starting" | "running" | "restarting" | "exited" | "dead";

export interface ContainerRow {
  id: string;
  name: string;
  imageId: string | null;
  image: string;
  /** Milliseconds since the epoch; 0 for never. */
  created: number;
  started: number;
  finished: number;
  state: RowState;
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  autoRemove: boolean;
  /** By the policy, since it was started by hand. */
  restartCount: number;
  /** Milliseconds that the last such restart was put off. */
  restartDelay: number;
  /** Somebody stopped it: no policy starts it again. */
  stopped: boolean;
  options: ContainerOptions;
}

type Raw = Omit<ContainerRow, "options" | "oomKilled" | "autoRemove" | "stopped"> & {
  options: string;
  oomKilled: number;
  autoRemove: number;
  stopped: number;
};

export const ROW_COLUMNS =
  "id, name, image_id AS imageId, image, created, started, finished, state, pid, exit_code AS exitCode, oom_killed AS oomKilled, error, auto_remove AS autoRemove, restart_count AS restartCount, restart_delay AS restartDelay, stopped, options";

export function toRow(raw: unknown): ContainerRow {
  const row = raw as Raw;
  const options = JSON.parse(row.options) as ContainerOptions;
  // A row of an older hoy lacks what came later.
  const hostConfig = { ...defaultHostConfig(), ...options.hostConfig };
  return {
    ...row,
    oomKilled: row.oomKilled !== 0,
    autoRemove: row.autoRemove !== 0,
    stopped: row.stopped !== 0,
    options: { ...options, hostConfig },
  };
}

/** The row with exactly this id. */
export function rowById(store: Store, id: string): ContainerRow | undefined {
  const raw = store.db.query(`SELECT ${ROW_COLUMNS} FROM containers WHERE id = ?`).get(id);
  return raw ? toRow(raw) : undefined;
}

/** The container's persistent folder. */
export const dataFolder = (store: Pick<Store, "root">, id: string): string => join(store.root, "containers", id);

/** Folder beside those of the containers' where other runtimes keep theirs. */
export const STATES = "runtimes";

/** The container's run folder: pid, exit, attach.sock, alive, lock. */
export const runFolder = (store: Pick<Store, "run">, id: string): string => join(store.run, "containers", id.slice(0, 12));
