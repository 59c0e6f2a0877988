/**
 * A container's place in a bridge network: its address is a row, its interfaces live in its own network namespace and go with it.
 * Addresses are given out in turn, so that one is not used again while the namespace of its last holder, which the kernel removes in
 * its own time, may still answer for it.
 */
import { ENODEV, SysError } from "../../ffi/errno.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "../../ffi/netlink.ts";
import { Messages } from "../../ffi/netlink-message.ts";
import { inNetworkNamespace } from "../../ffi/netns.ts";
import { HoyError } from "../spec/error.ts";
import type { Store } from "../state/store.ts";
import { addAddress } from "./address.ts";
import { broadcastOf, formatAddress, macOf, parseAddress, parseCidr } from "./ipv4.ts";
import { listEndpoints } from "./leases.ts";
import { addVeth, deleteLink, findLink, LOOPBACK, setUp } from "./link.ts";
import type { Network } from "./networks.ts";
import { addDefaultRoute } from "./route.ts";
import { forbidIpv6 } from "./sysctl.ts";

export interface Endpoint {
  /** 172.17.0.2 */
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  /** 02:42:ac:11:00:02 */
  readonly mac: string;
  /** Name of the container's interface on the host's side. */
  readonly hostInterface: string;
}

/** Name of the interface inside the container. */
export const CONTAINER_INTERFACE = "eth0";

export interface AllocateRequest {
  network: Network;
  containerId: string;
  /** Whether a container runs or starts; the address of one that does not is taken over when no other is free. */
  isRunning: (containerId: string) => boolean;
}

/**
 * Leases the next free address of a bridge network for a container, whose row must exist; what it had before is given back.
 * Throws HoyError when all addresses are in use.
 */
export function allocateEndpoint(store: Store, { network, containerId, isRunning }: AllocateRequest): Endpoint {
  return store.db
    .transaction((): Endpoint => {
      store.db.query("DELETE FROM endpoints WHERE container_id = ? AND network_id = ?").run(containerId, network.id);
      const address = nextAddress(store, network, isRunning);
      const endpoint = {
        ...place(network, address),
        hostInterface: `veth${Buffer.from(crypto.getRandomValues(new Uint8Array(6)))
          .toString("hex")
          .slice(0, 11)}`,
      };
      store.db
        .query("INSERT INTO endpoints(container_id, network_id, address, mac, host_interface) VALUES (?, ?, ?, ?, ?)")
        .run(containerId, network.id, endpoint.address, endpoint.mac, endpoint.hostInterface);
      store.db.query("UPDATE networks SET last_address = ? WHERE id = ?").run(endpoint.address, network.id);
      return endpoint;
    })
    .immediate();
}

const place = (network: Network, address: number): Omit<Endpoint, "hostInterface"> => ({
  address: formatAddress(address),
  prefixLength: parseCidr(network.subnet)?.subnet.prefix ?? 32,
  gateway: network.gateway,
  mac: macOf(address),
});

interface Lease {
  container_id: string;
  address: string;
}

function nextAddress(store: Store, network: Network, isRunning: (containerId: string) => boolean): number {
  const subnet = parseCidr(network.subnet)?.subnet;
  if (!subnet) throw new HoyError(`network ${network.name} has no IPv4 addresses (${network.subnet || "none"})`);
  const leases = store.db.query("SELECT container_id, address FROM endpoints WHERE network_id = ?").all(network.id) as Lease[];
  const used = new Set([network.gateway, ...leases.map(({ address }) => address)]);
  const [first, last] = [subnet.base + 1, broadcastOf(subnet) - 1];
  const { last_address } = store.db.query("SELECT last_address FROM networks WHERE id = ?").get(network.id) as { last_address: string };
  const start = (parseAddress(last_address) ?? subnet.base) + 1;
  const count = last - first + 1;
  for (let step = 0; step < count; step++) {
    const address = first + ((start - first + step) % count);
    if (!used.has(formatAddress(address))) return address;
  }
  const stale = leases.find(({ container_id }) => !isRunning(container_id));
  if (!stale) throw new HoyError(`all ${count - 1} addresses of network ${network.name} (${network.subnet}) are in use`);
  store.db.query("DELETE FROM endpoints WHERE network_id = ? AND address = ?").run(network.id, stale.address);
  return parseAddress(stale.address) as number;
}

/**
 * Connects a network namespace to the network's bridge: eth0 with its address, the loopback interface, the default route.
 * `ensureBridge` has been called. On failure nothing is left. Throws HoyError or SysError.
 * @param namespace descriptor of the network namespace, owned by the host's user namespace
 */
export function connectEndpoint(network: Network, endpoint: Endpoint, namespace: number): void {
  using host = new NetlinkSocket(NETLINK_ROUTE);
  const bridge = findLink(host, network.interface);
  if (!bridge) throw new HoyError(`the bridge ${network.interface} was removed meanwhile`);
  const pair = new Messages();
  const peer = { name: CONTAINER_INTERFACE, mac: endpoint.mac, namespace };
  addVeth(pair, { name: endpoint.hostInterface, master: bridge.index, peer });
  host.send(pair);
  try {
    forbidIpv6(endpoint.hostInterface);
    using inside = inNetworkNamespace(namespace, () => {
      forbidIpv6(CONTAINER_INTERFACE);
      return new NetlinkSocket(NETLINK_ROUTE);
    });
    configureInside(inside, endpoint);
    const up = new Messages();
    setUp(up, endpoint.hostInterface);
    host.send(up);
  } catch (error) {
    const undo = new Messages();
    deleteLink(undo, endpoint.hostInterface);
    host.send(undo);
    throw error;
  }
}

function configureInside(socket: NetlinkSocket, endpoint: Endpoint): void {
  const link = findLink(socket, CONTAINER_INTERFACE)?.index;
  const [address, gateway] = [parseAddress(endpoint.address), parseAddress(endpoint.gateway)];
  if (link === undefined || address === undefined || gateway === undefined)
    throw new HoyError(`cannot configure ${CONTAINER_INTERFACE} with ${endpoint.address} and gateway ${endpoint.gateway}`);
  const messages = new Messages();
  setUp(messages, LOOPBACK);
  addAddress(messages, { link, address, prefix: endpoint.prefixLength });
  setUp(messages, link);
  addDefaultRoute(messages, gateway);
  socket.send(messages);
}

/** Takes a container's interfaces away from its network namespace, where that outlives it; those that are gone already are no error. */
export function disconnectEndpoints(store: Store, containerId: string): void {
  const endpoints = listEndpoints(store, { containerId });
  if (endpoints.length === 0) return;
  using host = new NetlinkSocket(NETLINK_ROUTE);
  for (const { hostInterface } of endpoints) {
    if (!findLink(host, hostInterface)) continue;
    const remove = new Messages();
    deleteLink(remove, hostInterface);
    try {
      host.send(remove);
    } catch (error) {
      if (!(error instanceof SysError) || error.errno !== ENODEV) throw error;
    }
  }
}
