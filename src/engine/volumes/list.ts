/** The volumes of a store, by name, and the filters of their list. */
import type { Store } from "../../state/store.ts";
import { volumeFolder } from "../containers/sources.ts";
import { booleanFilter, checkFilterNames, type Filters, matchesLabel, matchesPattern } from "../filters.ts";

export interface ListedVolume {
  name: string;
  driver: string;
  labels: Record<string, string>;
  mountpoint: string;
}

interface Row {
  name: string;
  driver: string;
  labels: string;
  uses: number;
}

/** Throws HoyError for an unknown filter. */
export function listVolumes(store: Store, filters: Filters = new Map()): ListedVolume[] {
  checkFilterNames(filters, ["dangling", "driver", "label", "name"]);
  const dangling = booleanFilter(filters, "dangling");
  const drivers = filters.get("driver");
  const names = filters.get("name");
  const rows = store.db
    .query(
      "SELECT name, driver, labels, (SELECT count(*) FROM container_volumes WHERE volume = volumes.name) AS uses FROM volumes ORDER BY name",
    )
    .all() as Row[];
  return rows
    .filter(({ uses }) => dangling === undefined || dangling === (uses === 0))
    .filter(({ driver }) => !drivers || drivers.includes(driver))
    .filter(({ name }) => !names || names.some((pattern) => matchesPattern(pattern, name)))
    .map(({ name, driver, labels }) => ({ name, driver, labels: JSON.parse(labels), mountpoint: volumeFolder(store, name) }))
    .filter(({ labels }) => (filters.get("label") ?? []).every((wanted) => matchesLabel(wanted, labels)));
}
