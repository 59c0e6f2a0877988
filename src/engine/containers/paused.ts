/**
 * Whether a container is paused. The kernel's freezer is the truth; a file in the run folder says which freezer, so that only
 * containers that were paused are asked. It is there before the freezing and goes after the thawing: a kill between the two leaves
 * a container that is what its freezer says.
 */

import { join } from "node:path";
import { existsSync, readFileSync } from "../../../ffi/fs.ts";
import { type Freezer, isFrozen } from "../../runtime/cgroup/frozen.ts";
import type { Store } from "../../state/store.ts";
import { runFolder } from "./row.ts";

export const markOf = (store: Pick<Store, "run">, id: string): string => join(runFolder(store, id), "paused");

export function readMark(store: Pick<Store, "run">, id: string): Freezer | undefined {
  const path = markOf(store, id);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Freezer;
  } catch {
    return undefined; // removed in this moment, or a kill left half of it: then nothing was frozen yet
  }
}

/** True while the processes of a running container stand still. */
export const isPaused = (store: Pick<Store, "run">, id: string): boolean => isFrozen(readMark(store, id));
