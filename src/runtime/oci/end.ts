/** `kill` and `delete`. */

import { check, ESRCH } from "../../../ffi/errno.ts";
import { Fd } from "../../../ffi/fd.ts";
import { rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { killCgroup, removeCgroup } from "../cgroup/act.ts";
import { isFrozen } from "../cgroup/frozen.ts";
import { processes } from "../cgroup/processes.ts";
import { waitReadable } from "../frames.ts";
import { locateContainerCgroup } from "./cgroup.ts";
import { runHooks } from "./hooks.ts";
import { removeRdtGroups } from "./intel-rdt.ts";
import { hasNew } from "./namespaces.ts";
import { type ContainerRecord, folderOf, isAlive, lockFolder, readRecord, readSpec, statusOf } from "./record.ts";
import { stateOf } from "./state.ts";

const SIGKILL = 9;
const LEAVING_MS = 10_000;

/** The first process by descriptor, so that another's pid is never hit; undefined when it has ended. */
function openProcess(record: ContainerRecord): Fd | undefined {
  const found = sys(NR.pidfd_open, record.pid, 0);
  if (found === -ESRCH) return undefined;
  const process = new Fd(check(found, `open the process ${record.pid}`));
  if (isAlive(record)) return process;
  process.close();
  return undefined;
}

export interface KillRequest {
  signal: number;
  /** Every process of the container, not its first alone. */
  all: boolean;
}

/** Sends a signal. Throws HoyError when the container does not run. */
export function killContainer(root: string, id: string, { signal, all }: KillRequest): void {
  const folder = folderOf(root, id);
  const record = readRecord(folder);
  const cgroup = locateContainerCgroup(record);
  using process = openProcess(record);
  if (!process && !all) throw new HoyError("container not running", { status: 409 });
  // without a pid namespace of its own nothing else ends the others
  const whole = all || (signal === SIGKILL && !hasNew(readSpec(folder), "pid"));
  if (whole && signal === SIGKILL) killCgroup(cgroup);
  else if (whole) for (const pid of processes(cgroup)) sys(NR.kill, pid, signal);
  if (process) {
    const result = sys(NR.pidfd_send_signal, process.number, signal, 0, 0);
    if (result !== -ESRCH) check(result, `send signal ${signal}`);
    // what v1's freezer holds dies only when it is let go
    if (signal === SIGKILL && cgroup.freeze?.off === "THAWED" && isFrozen(cgroup.freeze))
      writeFileSync(cgroup.freeze.path, cgroup.freeze.off);
  }
}

/** Removes a container that has ended or was never started; `force` kills it first, and finds no fault with one that is not there. */
export async function deleteContainer(root: string, id: string, force: boolean, warn: (text: string) => void): Promise<void> {
  const folder = folderOf(root, id);
  let record: ContainerRecord;
  let lock: Fd;
  try {
    lock = lockFolder(folder);
    record = readRecord(folder);
  } catch (error) {
    if (force && error instanceof HoyError && error.status === 404) return rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  using _lock = lock;
  const cgroup = locateContainerCgroup(record);
  const status = statusOf(folder, record, () => isFrozen(cgroup.freeze));
  if (status !== "stopped" && status !== "created" && !force)
    throw new HoyError(`cannot delete container ${id} that is not stopped: ${status}`, { status: 409 });
  {
    using process = openProcess(record);
    if (process) {
      killCgroup(cgroup);
      sys(NR.pidfd_send_signal, process.number, SIGKILL, 0, 0);
      if (!waitReadable(process.number, LEAVING_MS)) throw new HoyError(`container ${id} did not end after SIGKILL`);
    }
  }
  if (!removeCgroup(cgroup)) throw new HoyError(`the cgroup of container ${id} cannot be removed: a process in it does not end`);
  if (record.cgroup?.unit) (await import("./scope.ts")).stopScope(record.cgroup.unit);
  removeRdtGroups(record);
  const spec = readSpec(folder);
  rmSync(folder, { recursive: true, force: true });
  try {
    await runHooks(spec, "poststop", stateOf(record, spec, "stopped"));
  } catch (error) {
    warn((error as Error).message);
  }
}
