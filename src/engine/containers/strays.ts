/**
 * Processes that a container leaves in a pid namespace which is not its own (`--pid`): where there are no cgroups to find them by, as
 * for a user without delegation, they are known by their root: an overlay over the container's own layer.
 */

import { Fd } from "../../../ffi/fd.ts";
import { readdirSync, readFileSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import type { Store } from "../../state/store.ts";
import { containerCgroup } from "./cgroup.ts";
import type { ContainerRow } from "./row.ts";
import { sendSignal } from "./signal.ts";

const SIGKILL = 9;
/** A process that forks faster than it is found gives up at last. */
const PASSES = 100;

/** Kills what is left of a container whose first process has ended. */
export function killStrays(store: Pick<Store, "name" | "rootless">, row: ContainerRow): void {
  if (row.options.hostConfig.PidMode === "" || containerCgroup(store, row).procs !== undefined) return;
  for (let pass = 0; pass < PASSES && killOnce(`/containers/${row.id}/upper`); pass++) Bun.sleepSync(1);
}

/** True when there was one. */
function killOnce(upper: string): boolean {
  let found = false;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const opened = sys(NR.pidfd_open, Number(name), 0);
    if (opened < 0) continue;
    using process = new Fd(opened);
    // The descriptor was there before: it is the process that is looked at, or one that has ended.
    if (hasRoot(name, upper) && sendSignal(process, SIGKILL)) found = true;
  }
  return found;
}

/** No bind shows another container's overlay, so a mount over its layer is in its own namespace alone. */
function hasRoot(pid: string, upper: string): boolean {
  try {
    return new RegExp(`upperdir=[^,\\s]*${upper}`).test(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
  } catch {
    return false; // ended meanwhile, or not ours to look at
  }
}
