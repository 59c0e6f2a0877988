/** `volume rm`. */
import { existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { HoyError, notFound } from "../../spec/error.ts";
import { record } from "../../state/events.ts";
import type { Store } from "../../state/store.ts";
import { takeLease } from "../../storage/lease.ts";
import { volumeFolder } from "../containers/sources.ts";

/** Throws HoyError when a container uses it (409), or when it is not there (404) unless forced. */
export function removeVolume(store: Store, name: string, force: boolean): void {
  // Row and folder go together: a kill leaves no data for the next volume of this name, and nobody can make it in between.
  using lease = takeLease(store);
  const [folder, aside] = [dirname(volumeFolder(store, name)), join(lease.folder, "volume")];
  let moved = false;
  try {
    store.db
      .transaction(() => {
        if (!deleteRow(store, name, force) || !existsSync(folder)) return;
        renameSync(folder, aside);
        moved = true;
      })
      .immediate();
  } catch (error) {
    if (moved) renameSync(aside, folder);
    throw error;
  }
}

function deleteRow(store: Store, name: string, force: boolean): boolean {
  const users = store.db.query("SELECT container_id AS id FROM container_volumes WHERE volume = ?").all(name) as { id: string }[];
  if (users.length > 0) throw new HoyError(`remove ${name}: volume is in use - [${users.map(({ id }) => id).join(", ")}]`, { status: 409 });
  const { changes } = store.db.query("DELETE FROM volumes WHERE name = ?").run(name);
  if (changes > 0) record(store, { type: "volume", action: "destroy", actor: name, attributes: { driver: "local" } });
  else if (!force) throw notFound("volume", name);
  return changes > 0;
}
