/** Removes the cgroups of containers that no longer exist: of a hoy or a monitor that was killed before it could. */
import { foldersIn, rmdirSync } from "../../../ffi/fs.ts";
import { removeCgroup } from "./act.ts";
import type { CgroupHost } from "./host.ts";
import { locateCgroup, planMonitors } from "./plan.ts";

/**
 * Kills and removes every cgroup below the store's parent whose container `isAlive` does not know; returns their ids.
 * isAlive must also say true for a container that is just being made (a row or a lease exists before its cgroup does).
 */
export function sweepCgroups(host: CgroupHost, parent: string, isAlive: (id: string) => boolean): string[] {
  const bases = [...host.v1.map(({ base }) => base), host.v2?.base ?? null].filter((base) => base !== null);
  const found = new Set<string>();
  for (const base of bases) {
    for (const name of folders(`${base}/${parent}`)) if (name !== "monitors") found.add(name);
  }
  const dead = [...found].filter((id) => !isAlive(id));
  for (const id of dead) removeCgroup(locateCgroup(host, parent, id));
  return dead;
}

/** Removes what a store's containers shared: for the end of a store (tests, `system reset`). What is still in use stays. */
export function removeStoreCgroups(host: CgroupHost, parent: string): void {
  for (const { parents, monitors } of planMonitors(host, parent).shared) {
    for (const path of [...(monitors === undefined ? [] : [monitors]), ...parents.toReversed()]) {
      try {
        rmdirSync(path);
      } catch (error) {
        if (!["ENOENT", "EBUSY", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
  }
}

function folders(path: string): string[] {
  try {
    return foldersIn(path);
  } catch (error) {
    // The store never ran a container in this hierarchy.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
