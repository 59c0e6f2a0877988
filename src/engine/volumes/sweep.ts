/** Folders of volumes whose row is gone: what a kill leaves of the removal of an anonymous volume. */

import { join } from "node:path";
import { readdirSync, renameSync } from "../../../ffi/fs.ts";
import { forGood, type Store } from "../../state/store.ts";
import { takeLease } from "../../storage/lease.ts";
import { removeTree } from "../../storage/remove.ts";

/** Removes them. A volume under way makes its folder inside the transaction of its row, so none is mistaken here. */
export function sweepVolumes(store: Store): void {
  const folder = join(store.root, "volumes");
  const strays = (): string[] =>
    readdirSync(folder).filter((name) => store.db.query("SELECT 1 FROM volumes WHERE name = ?").get(name) === null);
  if (strays().length === 0) return;
  forGood(store);
  using lease = takeLease(store);
  const moveAway = (): void => {
    for (const [index, name] of strays().entries()) renameSync(join(folder, name), join(lease.folder, String(index)));
  };
  store.db.transaction(moveAway).immediate();
  for (const name of readdirSync(lease.folder)) if (name !== "lease") removeTree(join(lease.folder, name));
}
