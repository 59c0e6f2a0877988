/** Signals to a container's first process, by descriptor: a pid that was given to somebody else meanwhile is never hit. */
import { check, ESRCH } from "../../../ffi/errno.ts";
import { Fd } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { waitReadable } from "../../runtime/frames.ts";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { isAlive, readExit } from "./finish.ts";
import { thawLeftover } from "./frozen-for-now.ts";
import type { ContainerRow } from "./row.ts";
import { containerState } from "./state.ts";

/** The first process of a running container; undefined when it does not run. */
export function openProcess(store: Store, row: ContainerRow): Fd | undefined {
  if (row.state !== "running" || row.pid === 0) return undefined;
  const fd = sys(NR.pidfd_open, row.pid, 0);
  if (fd === -ESRCH) return undefined;
  const handle = new Fd(check(fd, `open the process ${row.pid}`));
  // a signal, or a process that joins it, would wait for the freezer
  thawLeftover(store, row.id);
  // the monitor records the exit before it reaps: without a record the pid is still the container's
  if (!readExit(store, row.id) && isAlive(store, row.id)) return handle;
  handle.close();
  return undefined;
}

/** Sends a signal; false when the process has just ended. */
export function sendSignal(process: Fd, signal: number): boolean {
  const result = sys(NR.pidfd_send_signal, process.number, signal, 0, 0);
  if (result === -ESRCH) return false;
  check(result, `send signal ${signal}`);
  return true;
}

/** Waits until the process has ended, at most `ms` (-1: for ever). */
export const waitEnd = (process: Fd, ms: number): boolean => waitReadable(process.number, ms);

export const notRunning = (row: Pick<ContainerRow, "id">): HoyError => new HoyError(`container ${row.id} is not running`, { status: 409 });

/** Why nothing can be done in a container that has no process: it waits for its restart, or has ended for good. */
export const noProcess = (store: Store, row: ContainerRow): HoyError =>
  containerState(store, row).status === "restarting"
    ? new HoyError(`Container ${row.id} is restarting, wait until the container is running`, { status: 409 })
    : notRunning(row);
