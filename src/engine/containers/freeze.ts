/** Freezing a container and letting it go on, with the file that tells of it (paused.ts) and the events. */
import { rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { setFrozen } from "../../runtime/cgroup/freeze.ts";
import { isFrozen } from "../../runtime/cgroup/frozen.ts";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { containerCgroup } from "./cgroup.ts";
import { recordContainer } from "./events.ts";
import { markOf, readMark } from "./paused.ts";
import type { ContainerRow } from "./row.ts";

/** Freezes the container. The caller holds its lock; it runs. Throws HoyError. */
export function freeze(store: Store, row: ContainerRow): void {
  const freezer = containerCgroup(store, row).freeze;
  if (!freezer)
    throw new HoyError(`Cannot pause container ${row.id}: it has no cgroup that can be frozen`, {
      hint: store.rootless
        ? "a user's containers have cgroups where systemd delegates them (user@.service)"
        : "mount cgroup v2, or v1's freezer",
    });
  writeFileSync(markOf(store, row.id), JSON.stringify(freezer), { mode: 0o600 });
  try {
    setFrozen(freezer, true);
  } catch (error) {
    rmSync(markOf(store, row.id), { force: true });
    throw error;
  }
  store.db.transaction(() => recordContainer(store, row, "pause")).immediate();
}

/** Lets a paused container go on; false when it is not paused. */
export function thaw(store: Store, row: ContainerRow): boolean {
  const freezer = readMark(store, row.id);
  if (!freezer) return false;
  const frozen = isFrozen(freezer);
  if (frozen) setFrozen(freezer, false);
  rmSync(markOf(store, row.id), { force: true });
  if (frozen) recordThaw(store, row);
  return frozen;
}

/** On a full disk a container still goes on, and can be stopped. */
function recordThaw(store: Store, row: ContainerRow): void {
  try {
    store.db.transaction(() => recordContainer(store, row, "unpause")).immediate();
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_FULL") throw error;
  }
}
