/** Whether a container's cgroup is frozen. Apart from freeze.ts, as lists need no more than this. */
import { readFileSync } from "../../../ffi/fs.ts";
import type { CgroupPlan } from "./plan.ts";

/** The file that freezes, and its words. */
export type Freezer = NonNullable<CgroupPlan["freeze"]>;

/** "" once the cgroup is gone. */
export function readWord(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}

/** Whether it is frozen, or was asked to be. */
export const isFrozen = (freezer: Freezer | undefined): boolean => freezer !== undefined && readWord(freezer.path) === freezer.on;
