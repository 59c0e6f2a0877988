/**
 * What tells of a container that is frozen for a while: a file in its run folder, locked by whoever froze it, with the freezer in it. A
 * hoy that is killed leaves the container frozen and the lock free: whoever comes next lets it go.
 */
import { join } from "node:path";
import { existsSync, readFileSync, rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { tryLockPath } from "../../state/lock.ts";
import type { Store } from "../../state/store.ts";
import { runFolder } from "./row.ts";

/** The file of a cgroup's freezer, and the words for it. */
export interface Freezer {
  path: string;
  on: string;
  off: string;
}

export const frozenMark = (store: Pick<Store, "run">, id: string): string => join(runFolder(store, id), "frozen");

/** Lets go what a dead process left frozen. Costs a look when there is nothing. */
export function thawLeftover(store: Pick<Store, "run">, id: string): void {
  const mark = frozenMark(store, id);
  if (!existsSync(mark)) return;
  using lock = tryLockPath(mark);
  if (!lock) return;
  const text = readFileSync(mark, "utf8");
  // nothing was frozen before the whole of it was written
  if (text.endsWith("\n")) thaw(JSON.parse(text) as Freezer);
  rmSync(mark, { force: true });
}

/** Nothing happens where the container has ended. */
export function thaw({ path, off }: Freezer): void {
  try {
    writeFileSync(path, off);
  } catch {
    // its cgroup is gone, and everything in it
  }
}
