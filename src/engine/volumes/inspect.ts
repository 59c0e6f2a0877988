/** `volume inspect`: Docker's Volume. */
import { join } from "node:path";
import { notFound } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";

export interface VolumeDocument {
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: "local";
}

interface VolumeRow {
  name: string;
  created: number;
  driver: string;
  labels: string;
  options: string;
}

/** The volume of this name. Throws HoyError `No such volume: x` (404). */
export function inspectVolume(store: Store, name: string): VolumeDocument {
  const row = store.db.query("SELECT name, created, driver, labels, options FROM volumes WHERE name = ?").get(name) as VolumeRow | null;
  if (!row) throw notFound("volume", name);
  return {
    CreatedAt: new Date(row.created).toISOString(),
    Driver: row.driver,
    Labels: filled(row.labels),
    Mountpoint: join(store.root, "volumes", row.name, "_data"),
    Name: row.name,
    Options: filled(row.options),
    Scope: "local",
  };
}

/** null for an empty map, as Docker has it. */
function filled(json: string): Record<string, string> | null {
  const map = JSON.parse(json) as Record<string, string>;
  return Object.keys(map).length > 0 ? map : null;
}
