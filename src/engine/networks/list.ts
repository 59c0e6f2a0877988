/** The networks of a store, by name, and the filters of their list. */
import { ensureDefaultNetworks, listNetworks, type Network } from "../../network/networks.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { checkFilterNames, type Filters, matchesLabel, matchesPattern } from "../filters.ts";

const BUILTIN = new Set(["bridge", "host", "none"]);

const TESTS: Readonly<Record<string, (network: Network, value: string) => boolean>> = {
  driver: ({ driver }, value) => driver === value,
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => matchesPattern(value, name),
  scope: (_, value) => value === "local",
  type: ({ name }, value) => (value === "builtin") === BUILTIN.has(name),
};

/** Throws HoyError for an unknown filter. */
export async function listedNetworks(store: Store, filters: Filters = new Map()): Promise<Network[]> {
  checkFilterNames(filters, [...Object.keys(TESTS), "label"]);
  ensureDefaultNetworks(store, await readSettings());
  return listNetworks(store).filter((network) =>
    [...filters].every(([name, values]) =>
      name === "label"
        ? values.every((wanted) => matchesLabel(wanted, network.labels))
        : values.some((value) => TESTS[name]?.(network, value)),
    ),
  );
}
