/** Docker's `NetworkSettings` in inspect. */
import type { Store } from "../../state/store.ts";
import { containerOf } from "./parse/modes.ts";
import { openPorts, portName } from "./ports.ts";
import type { ContainerRow } from "./row.ts";
import type { ContainerState } from "./state.ts";

type Document = Record<string, unknown>;

interface Endpoint {
  network: string;
  name: string;
  subnet: string;
  gateway: string;
  address: string | null;
  mac: string | null;
}

/** The container's networks: the one of its mode, with the addresses that it has while it runs. */
function endpoints({ db }: Pick<Store, "db">, row: ContainerRow): Endpoint[] {
  const mode = row.options.hostConfig.NetworkMode;
  return db
    .query(
      `SELECT n.id AS network, n.name, n.subnet, n.gateway, e.address, e.mac FROM networks n
       LEFT JOIN endpoints e ON e.network_id = n.id AND e.container_id = ?1
       WHERE e.container_id IS NOT NULL OR n.name = ?2 OR n.id = ?2 ORDER BY n.name`,
    )
    .all(row.id, mode) as Endpoint[];
}

export function inspectNetwork(store: Pick<Store, "db">, row: ContainerRow, state: ContainerState): Document {
  const found = endpoints(store, row);
  const bridge = found.find(({ name }) => name === "bridge");
  return {
    Bridge: "",
    SandboxID: "",
    // Where nsenter finds the network: it has no name in the file system, and is gone with the container's processes.
    SandboxKey: state.pid > 0 ? `/proc/${state.pid}/ns/net` : "",
    // null: a port that is not published
    Ports: Object.fromEntries(
      openPorts(row, state)
        .map((port) => [portName(port), null] as const)
        .sort(),
    ),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...addresses(row, bridge),
    Networks: Object.fromEntries(networks(row, found)),
  };
}

function networks(row: ContainerRow, found: readonly Endpoint[]): [string, Document][] {
  const mode = row.options.hostConfig.NetworkMode;
  // The other container's, as in Docker.
  if (containerOf(mode) !== undefined) return [];
  const known = found.map(({ name }) => name);
  const all = known.includes(mode) || found.some(({ network }) => network === mode) ? found : [...found, unknown(mode)];
  return all.map((endpoint) => [endpoint.name, networkDocument(row, endpoint)]);
}

/** A network that the store has no row of: none and host need none, and the bridge has one from its first use on. */
const unknown = (name: string): Endpoint => ({ network: "", name, subnet: "", gateway: "", address: null, mac: null });

function networkDocument(row: ContainerRow, endpoint: Endpoint): Document {
  const { MacAddress, ...rest } = addresses(row, endpoint);
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress,
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: endpoint.network,
    ...rest,
    DNSNames: null,
  };
}

/** Empty unless the container is connected. */
function addresses(row: ContainerRow, endpoint: Endpoint | undefined) {
  const connected = endpoint?.address ? endpoint : undefined;
  return {
    EndpointID: connected ? endpointId(row.id, connected.network) : "",
    Gateway: connected?.gateway ?? "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    IPAddress: connected?.address ?? "",
    IPPrefixLen: connected ? Number(connected.subnet.split("/")[1] ?? 0) : 0,
    IPv6Gateway: "",
    MacAddress: connected?.mac ?? "",
  };
}

/** A container has one endpoint in a network, so the two name it. */
const endpointId = (container: string, network: string): string =>
  new Bun.CryptoHasher("sha256").update(`${container} ${network}`).digest("hex");
