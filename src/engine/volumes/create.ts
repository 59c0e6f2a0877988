/** `volume create`. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { HoyError } from "../../spec/error.ts";
import { reason } from "../../spec/reason.ts";
import { record } from "../../state/events.ts";
import type { Store } from "../../state/store.ts";
import { removeTree } from "../../storage/remove.ts";
import { generateId } from "../containers/names.ts";
import { checkVolumeName } from "../containers/parse/volume-name.ts";
import { volumeFolder } from "../containers/sources.ts";

export interface CreateVolumeRequest {
  /** Else 64 hex digits; it is no container's own then either, so it outlives `rm -v`. */
  name?: string | undefined;
  driver?: string | undefined;
  labels: Record<string, string>;
}

/** Makes it, or finds the one that is there: then nothing is changed, as with Docker. Returns the name. Throws HoyError. */
export function createVolume(store: Store, { name, driver = "local", labels }: CreateVolumeRequest): string {
  if (driver !== "local")
    throw new HoyError(`error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`, {
      status: 404,
      hint: "hoy has the driver local",
    });
  if (name) checkVolumeName(name);
  const own = name || generateId();
  const folder = volumeFolder(store, own);
  let isNew = false;
  try {
    store.db
      .transaction(() => {
        isNew = insert(store, own, name ? labels : { "com.docker.volume.anonymous": "", ...labels });
        mkdirSync(folder, { recursive: true, mode: 0o755 });
      })
      .immediate();
  } catch (error) {
    if (isNew && existsSync(dirname(folder))) removeTree(dirname(folder));
    throw new HoyError(`cannot make the volume ${own}: ${reason(error)}`, { cause: error });
  }
  return own;
}

/** False when it is there already. */
function insert(store: Store, name: string, labels: Record<string, string>): boolean {
  const { changes } = store.db
    .query("INSERT OR IGNORE INTO volumes(name, created, labels) VALUES (?, ?, ?)")
    .run(name, Date.now(), JSON.stringify(labels));
  if (changes > 0) record(store, { type: "volume", action: "create", actor: name, attributes: { driver: "local" } });
  return changes > 0;
}
