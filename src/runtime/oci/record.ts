/**
 * What is kept of a container of `hoy runtime` between calls (runtime-spec, "State"): a folder `ROOT/ID` with
 *
 *     state.json   the record, by rename; without it the container is being created
 *     config.json  the spec as it was when the container was created
 *     start.sock   where the container's first process waits for `start`; gone once it runs
 *
 * Its lock is the flock of the folder itself.
 */

import { join } from "node:path";
import { isErrno } from "../../../ffi/at.ts";
import { ENOENT } from "../../../ffi/errno.ts";
import { type Fd, lockExclusive, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { parseExact, stringifyExact } from "../../spec/json.ts";
import type { Spec } from "../../spec/runtime.ts";
import type { RdtGroups } from "./intel-rdt.ts";

/** A unit of systemd's, with --systemd-cgroup. */
export interface UnitRecord {
  name: string;
  /** The id on the host of whose manager has it; absent for the machine's. */
  user?: number;
}

export interface ContainerRecord {
  ociVersion: string;
  id: string;
  /** On the host; the process is ours only while it also has this start time (proc(5), stat, field 22). */
  pid: number;
  startTime: string;
  /** Absolute. */
  bundle: string;
  rootfs: string;
  /** RFC 3339. */
  created: string;
  owner: string;
  /** Absent where the container has no cgroup of its own. */
  cgroup?: { parent: string; id: string; unit?: UnitRecord };
  /** Absent without linux.intelRdt. */
  rdt?: RdtGroups;
  /** Names of the steps that are left to be played, by number: a failure during `start` is told by number. */
  steps: { from: number; names: readonly string[] };
}

export type Status = "creating" | "created" | "running" | "paused" | "stopped";

export const START_SOCKET = "start.sock";
const RECORD = "state.json";
const SPEC = "config.json";

/** Throws HoyError for what runc refuses as an id, too. */
function checkId(id: string): void {
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === "..") throw new HoyError(`invalid container ID format: "${id}"`);
}

export function folderOf(root: string, id: string): string {
  checkId(id);
  return join(root, id);
}

/** Makes the folder of a new container and takes its lock. Throws HoyError when there is one of that name. */
export function makeFolder(root: string, id: string): { folder: string; lock: Fd } {
  const folder = folderOf(root, id);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new HoyError(`cannot make ${folder}: ${reasonOf(error)}`);
    if (!takeOver(folder)) throw new HoyError("container with given ID already exists");
    mkdirSync(folder, { mode: 0o700 });
  }
  return { folder, lock: lockFolder(folder) };
}

/** A folder without a record that nobody holds is of a `create` that was killed. */
function takeOver(folder: string): boolean {
  using _lock = lockFolder(folder);
  if (existsSync(join(folder, RECORD))) return false;
  rmSync(folder, { recursive: true, force: true });
  return true;
}

/** Waits for the container's lock. Throws HoyError when there is no such container. */
export function lockFolder(folder: string): Fd {
  try {
    const fd = open(folder, O_RDONLY | O_DIRECTORY);
    lockExclusive(fd.number);
    return fd;
  } catch (error) {
    if (isErrno(error, ENOENT)) throw missing();
    throw error;
  }
}

const missing = (): HoyError => new HoyError("container does not exist", { status: 404 });

export function writeRecord(folder: string, record: ContainerRecord): void {
  writeFileSync(join(folder, `${RECORD}.tmp`), JSON.stringify(record), { mode: 0o600 });
  renameSync(join(folder, `${RECORD}.tmp`), join(folder, RECORD));
}

/** Throws HoyError when there is no such container. */
export function readRecord(folder: string): ContainerRecord {
  try {
    return JSON.parse(readFileSync(join(folder, RECORD), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw missing();
    throw new HoyError(`${join(folder, RECORD)} is broken: ${(error as Error).message}`, { cause: error });
  }
}

export function writeSpec(folder: string, spec: Spec): void {
  writeFileSync(join(folder, `${SPEC}.tmp`), stringifyExact(spec), { mode: 0o600 });
  renameSync(join(folder, `${SPEC}.tmp`), join(folder, SPEC));
}
export const readSpec = (folder: string): Spec => parseExact(readFileSync(join(folder, SPEC), "utf8")) as Spec;

/** Ids of all containers below the root. */
export function containerIds(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((id) => existsSync(join(root, id, RECORD)))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** State and start time of a process; undefined when it is gone. */
export function processStat(pid: number): { state: string; startTime: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] as string, startTime: fields[19] as string };
  } catch {
    return undefined;
  }
}

/** Whether the container's first process lives; a zombie does not. */
export function isAlive({ pid, startTime }: ContainerRecord): boolean {
  const stat = processStat(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** `frozen` asks the freezer. */
export function statusOf(folder: string, record: ContainerRecord, frozen: () => boolean): Status {
  if (!isAlive(record)) return "stopped";
  if (existsSync(join(folder, START_SOCKET))) return "created";
  return frozen() ? "paused" : "running";
}
