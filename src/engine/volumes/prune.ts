/** `volume prune`: volumes that no container has, those without a name of their own or, with `all`, any. */
import { dirname } from "node:path";
import { HoyError } from "../../spec/error.ts";
import { recordPrune } from "../../state/events.ts";
import type { Store } from "../../state/store.ts";
import { folderSize } from "../../storage/folder-size.ts";
import { volumeFolder } from "../containers/sources.ts";
import { booleanFilter, checkFilterNames, type Filters, passesLabels } from "../filters.ts";
import type { Pruned } from "../pruned.ts";
import { removeVolume } from "./remove.ts";

interface Row {
  name: string;
  anonymous: number;
  labels: string;
}

/** What Docker gives a volume that nobody named. */
const ANONYMOUS = "com.docker.volume.anonymous";

/** Filters: label, label! and all. Throws HoyError for another one. A volume that a container takes at this moment stays. */
export function pruneVolumes(store: Store, { all, filters = new Map() }: { all: boolean; filters?: Filters }): Pruned {
  checkFilterNames(filters, ["all", "label", "label!"]);
  if (all && filters.has("all")) throw new HoyError("conflicting options: cannot specify both --all and --filter all=1", { status: 400 });
  const any = all || booleanFilter(filters, "all") === true;
  const rows = store.db
    .query(
      "SELECT name, anonymous, labels FROM volumes WHERE NOT EXISTS (SELECT 1 FROM container_volumes WHERE volume = volumes.name) ORDER BY name",
    )
    .all() as Row[];
  const pruned: Pruned = { names: [], bytes: 0 };
  for (const { name, anonymous, labels: json } of rows) {
    const labels = JSON.parse(json) as Record<string, string>;
    if (!any && anonymous === 0 && !Object.hasOwn(labels, ANONYMOUS)) continue;
    if (!passesLabels(filters, labels)) continue;
    const size = folderSize(dirname(volumeFolder(store, name)));
    if (!removeUnused(store, name)) continue;
    pruned.names.push(name);
    pruned.bytes += size;
  }
  recordPrune(store, "volume", pruned.bytes);
  return pruned;
}

function removeUnused(store: Store, name: string): boolean {
  try {
    removeVolume(store, name, false);
    return true;
  } catch (error) {
    if (error instanceof HoyError && (error.status === 409 || error.status === 404)) return false;
    throw error;
  }
}
