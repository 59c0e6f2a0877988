/** Deleting a container's row and folders: the row first, so that what a kill leaves is only folders, which are swept. */
import { join } from "node:path";
import { record } from "../../state/events.ts";
import { keepReserve } from "../../state/reserve.ts";
import { forGood, type Store } from "../../state/store.ts";
import { collectGarbage } from "../../storage/collect.ts";
import { removeTree } from "../../storage/remove.ts";
import { recordContainer } from "./events.ts";
import type { Exit } from "./finish.ts";
import { type ContainerRow, dataFolder } from "./row.ts";
import { removeRunFolder } from "./run-folder.ts";

export interface DeleteRequest {
  /** Set when its end was not recorded yet. */
  exit?: Exit;
  /** Its anonymous volumes go too. */
  volumes: boolean;
}

/** Deletes it. The caller holds the container's lock; it does not run. */
export async function deleteContainer(store: Store, row: ContainerRow, { exit, volumes }: DeleteRequest): Promise<void> {
  const gone: string[] = [];
  let images: { id: string }[] = [];
  if (!row.autoRemove) forGood(store);
  store.db
    .transaction(() => {
      const mine = store.db.query("SELECT volume FROM container_volumes WHERE container_id = ?").all(row.id) as { volume: string }[];
      images = store.db.query("SELECT image_id AS id FROM image_users WHERE container_id = ?").all(row.id) as { id: string }[];
      const { changes } = store.db.query("DELETE FROM containers WHERE id = ?").run(row.id);
      if (changes === 0) return;
      if (volumes) for (const { volume } of mine) if (deleteAnonymous(store, volume)) gone.push(volume);
      if (exit) recordContainer(store, row, "die", { exitCode: String(exit.code) });
      recordContainer(store, row, "destroy");
    })
    .immediate();
  for (const volume of gone) removeTree(join(store.root, "volumes", volume));
  removeTree(dataFolder(store, row.id));
  removeRunFolder(store, row.id);
  const { project } = row.options;
  if (project !== undefined) (await import("../../storage/project-quota.ts")).forgetLimit(store.root, project);
  // `rmi -f` left its image for it.
  if (images.some(({ id }) => isRemoved(store, id))) collectGarbage(store);
  keepReserve(store.root);
}

const isRemoved = (store: Store, imageId: string): boolean =>
  store.db.query("SELECT 1 FROM images WHERE id = ? AND removed = 1").get(imageId) !== null;

/** Removes the volume's row when it is anonymous and nobody else's. */
function deleteAnonymous(store: Store, name: string): boolean {
  const { changes } = store.db
    .query(
      "DELETE FROM volumes WHERE name = ? AND anonymous = 1 AND NOT EXISTS (SELECT 1 FROM container_volumes WHERE volume = volumes.name)",
    )
    .run(name);
  if (changes > 0) record(store, { type: "volume", action: "destroy", actor: name, attributes: { driver: "local" } });
  return changes > 0;
}
