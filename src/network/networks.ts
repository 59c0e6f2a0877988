/** The networks of a store: its rows, and the three that every store has. */
import { NETLINK_ROUTE, NetlinkSocket } from "../../ffi/netlink.ts";
import type { Store } from "../state/store.ts";
import { formatAddress, formatSubnet } from "./ipv4.ts";
import { type AddressSettings, chooseSubnet, demandedSubnet, type SubnetChoice, takenSubnets } from "./subnet.ts";

export interface Network {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: "bridge" | "host" | "null";
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** CIDR; empty for what is no bridge, and for a user's default network, which is a program's (rootless.ts). */
  readonly subnet: string;
  /** The bridge's own address. */
  readonly gateway: string;
  /** The bridge's name on the host. */
  readonly interface: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

interface NetworkRow extends Omit<Network, "options" | "labels"> {
  options: string;
  labels: string;
}

const COLUMNS = "id, name, driver, created, subnet, gateway, interface, options, labels";

const fromRow = (row: NetworkRow): Network => ({ ...row, options: JSON.parse(row.options), labels: JSON.parse(row.labels) });

/** All networks, by name. */
export const listNetworks = (store: Store): Network[] =>
  (store.db.query(`SELECT ${COLUMNS} FROM networks ORDER BY name`).all() as NetworkRow[]).map(fromRow);

export function networkByName(store: Store, name: string): Network | undefined {
  const row = store.db.query(`SELECT ${COLUMNS} FROM networks WHERE name = ?`).get(name) as NetworkRow | null;
  return row ? fromRow(row) : undefined;
}

/**
 * The store's `bridge`, `host` and `none`, made on first use, in this order. The bridge's addresses come from the settings, else from
 * the first of Docker's blocks that is free on this host; a changed `bip` takes effect once no container uses the network.
 * Nothing but the database is changed. Throws HoyError for settings that name no usable block.
 */
export function ensureDefaultNetworks(store: Store, settings: AddressSettings): [bridge: Network, host: Network, none: Network] {
  const bridge = networkByName(store, "bridge");
  if (!bridge) makeDefaultNetworks(store, settings);
  else if (!store.rootless) followBip(store, bridge, settings);
  return [networkByName(store, "bridge"), networkByName(store, "host"), networkByName(store, "none")] as [Network, Network, Network];
}

function makeDefaultNetworks(store: Store, settings: AddressSettings): void {
  const choice = store.rootless ? undefined : (demandedSubnet(settings) ?? freeSubnet(settings));
  const insert = store.db.query(`INSERT INTO networks(${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}') ON CONFLICT (name) DO NOTHING`);
  const add = (name: string, driver: Network["driver"], details?: SubnetChoice): void => {
    const options = details ? bridgeOptions(store.name) : {};
    insert.run(
      Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex"),
      name,
      driver,
      Date.now(),
      details ? formatSubnet(details.subnet) : "",
      details ? formatAddress(details.gateway) : "",
      details ? store.name : "",
      JSON.stringify(options),
    );
  };
  store.db
    .transaction(() => {
      add("bridge", "bridge", choice);
      add("host", "host");
      add("none", "null");
    })
    .immediate();
}

function freeSubnet(settings: AddressSettings): SubnetChoice {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  return chooseSubnet(settings, takenSubnets(socket));
}

/** What the default bridge is, in the words of Docker's `network inspect`. */
const bridgeOptions = (name: string): Record<string, string> => ({
  "com.docker.network.bridge.default_bridge": "true",
  "com.docker.network.bridge.enable_icc": "true",
  "com.docker.network.bridge.enable_ip_masquerade": "true",
  "com.docker.network.bridge.name": name,
  "com.docker.network.driver.mtu": "1500",
});

function followBip(store: Store, bridge: Network, settings: AddressSettings): void {
  const choice = demandedSubnet(settings);
  if (choice && (formatSubnet(choice.subnet) !== bridge.subnet || formatAddress(choice.gateway) !== bridge.gateway))
    renumber(store, bridge, choice);
}

/** Gives a network other addresses, unless some of its own are leased. Returns it as it is now. */
export function renumber(store: Store, network: Network, { subnet, gateway }: SubnetChoice): Network {
  store.db
    .query(
      `UPDATE networks SET subnet = ?, gateway = ?, last_address = ''
       WHERE id = ? AND NOT EXISTS (SELECT 1 FROM endpoints WHERE network_id = networks.id)`,
    )
    .run(formatSubnet(subnet), formatAddress(gateway), network.id);
  return networkByName(store, network.name) ?? network;
}
