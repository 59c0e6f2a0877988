/** Removing a container's run folder: by rename first, so that a lock that somebody makes at its place meanwhile is not removed with it. */

import { join } from "node:path";
import { existsSync, readdirSync, renameSync } from "../../../ffi/fs.ts";
import type { Store } from "../../state/store.ts";
import { removeTree } from "../../storage/remove.ts";
import { runFolder } from "./row.ts";

const GONE = "gone-";

/** Removes it. The caller holds the container's lock, which lies in it. */
export function removeRunFolder(store: Store, id: string): void {
  const folder = runFolder(store, id);
  if (!existsSync(folder)) return;
  const away = join(store.run, `${GONE}${process.pid}-${id.slice(0, 12)}`);
  renameSync(folder, away);
  removeTree(away);
}

/** What a kill between the two left. */
export function sweepRunFolders(store: Store): void {
  for (const name of readdirSync(store.run)) if (name.startsWith(GONE)) removeTree(join(store.run, name));
}
