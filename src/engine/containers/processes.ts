/** The processes of a running container, by their numbers on the host. */
import { readdirSync, readlinkSync } from "node:fs";
import { processes } from "../../runtime/cgroup/processes.ts";
import type { Store } from "../../state/store.ts";
import { containerCgroup } from "./cgroup.ts";
import type { ContainerRow } from "./row.ts";

/** Those of its cgroup, or, for a user without cgroups, those that see its mounts. */
export function containerProcesses(store: Store, row: ContainerRow): number[] {
  const cgroup = containerCgroup(store, row);
  return cgroup.procs === undefined ? withMountsOf(row.pid) : processes(cgroup);
}

/** Every container has a mount namespace of its own; a pid namespace may be another's. */
function withMountsOf(pid: number): number[] {
  const wanted = mountNamespace(String(pid));
  if (wanted === undefined) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && mountNamespace(name) === wanted)
    .map(Number);
}

function mountNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined; // it has ended, or is somebody else's
  }
}
