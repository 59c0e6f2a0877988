/** The networks of a store, by name, and the filters of their list. */
import { ensureDefaultNetworks, listNetworks, type Network } from "../../network/networks.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { booleanFilter, checkFilterNames, type Filters, matchesLabel, matchesPattern } from "../filters.ts";

const BUILTIN = new Set(["bridge", "host", "none"]);

const TESTS: Readonly<Record<string, (network: Network, value: string) => boolean>> = {
  driver: ({ driver }, value) => driver === value,
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => matchesPattern(value, name),
  scope: (_, value) => value === "local",
  type: ({ name }, value) => (value === "builtin") === BUILTIN.has(name),
};

/** Of a user's own, without a container. */
const isDangling = ({ db }: Store, { id, name }: Network): boolean =>
  !BUILTIN.has(name) && db.query("SELECT 1 FROM endpoints WHERE network_id = ?").get(id) === null;

/** Throws HoyError for an unknown filter. */
export async function listedNetworks(store: Store, filters: Filters = new Map()): Promise<Network[]> {
  checkFilterNames(filters, [...Object.keys(TESTS), "dangling", "label"]);
  const dangling = booleanFilter(filters, "dangling");
  ensureDefaultNetworks(store, await readSettings());
  return listNetworks(store)
    .filter((network) => dangling === undefined || dangling === isDangling(store, network))
    .filter((network) =>
      [...filters].every(([name, values]) => {
        if (name === "dangling") return true;
        if (name === "label") return values.every((wanted) => matchesLabel(wanted, network.labels));
        return values.some((value) => TESTS[name]?.(network, value));
      }),
    );
}
