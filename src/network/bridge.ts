/** The bridge interface of a network, with the forwarding and the firewall that it needs: made when missing, repaired when not. */
import { NETLINK_ROUTE, NetlinkSocket } from "../../ffi/netlink.ts";
import { Messages } from "../../ffi/netlink-message.ts";
import { HoyError } from "../spec/error.ts";
import { lock } from "../state/lock.ts";
import type { Store } from "../state/store.ts";
import { addAddress, deleteAddress, type InterfaceAddress, listAddresses } from "./address.ts";
import { type FirewalledBridge, firewallStands, raiseFirewall, removeFirewall } from "./firewall.ts";
import { macOf, overlap, parseAddress, parseCidr, type Subnet } from "./ipv4.ts";
import { addBridge, deleteLink, findLink, type Link, setUp } from "./link.ts";
import { listNetworks, type Network, networkByName, renumber } from "./networks.ts";
import { type AddressSettings, chooseSubnet, takenSubnets } from "./subnet.ts";
import { forbidIpv6, forwardingIsOn, switchForwardingOn } from "./sysctl.ts";

/** One for all stores of the machine: two that make their bridges at the same time must see each other's addresses. */
const LOCK = "/run/hoy/locks/bridges";

interface Numbers {
  subnet: Subnet;
  gateway: number;
}

function numbersOf(network: Network): Numbers {
  const subnet = parseCidr(network.subnet)?.subnet;
  const gateway = parseAddress(network.gateway);
  if (!subnet || gateway === undefined) throw new HoyError(`network ${network.name} has no IPv4 addresses (${network.subnet || "none"})`);
  return { subnet, gateway };
}

const bridgesOf = (store: Store): FirewalledBridge[] =>
  listNetworks(store)
    .filter(({ driver, subnet }) => driver === "bridge" && subnet !== "")
    .map((network) => ({ interface: network.interface, subnet: numbersOf(network).subnet }));

/**
 * Makes sure that the network's bridge is there and works (0.3 ms when it does), and returns the network: its addresses may have
 * changed if the bridge was gone and something else on the host has taken them meanwhile.
 * Throws HoyError when the kernel lacks what it needs or the name is taken, SysError otherwise.
 */
export function ensureBridge(store: Store, network: Network, settings: AddressSettings): Network {
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  if (stands(store, network, socket)) return network;
  using _alone = lock(LOCK);
  const current = networkByName(store, network.name) ?? network;
  return stands(store, current, socket) ? current : build({ store, network: current, settings, socket });
}

function stands(store: Store, network: Network, socket: NetlinkSocket): boolean {
  const link = findLink(socket, network.interface);
  return (
    link?.up === true &&
    link.kind === "bridge" &&
    listAddresses(socket, link.index).some((address) => isWanted(address, numbersOf(network))) &&
    forwardingIsOn() &&
    firewallStands(store.name, bridgesOf(store))
  );
}

const isWanted = ({ address, prefix }: InterfaceAddress, { subnet, gateway }: Numbers): boolean =>
  address === gateway && prefix === subnet.prefix;

interface Construction {
  store: Store;
  network: Network;
  settings: AddressSettings;
  socket: NetlinkSocket;
}

function build({ store, network: wanted, settings, socket }: Construction): Network {
  const found = findLink(socket, wanted.interface);
  if (found && found.kind !== "bridge") throw new HoyError(`${wanted.interface} is the name of an interface that is no bridge`);
  const network = found ? wanted : withFreeSubnet({ store, network: wanted, settings, socket });
  const numbers = numbersOf(network);
  // The rules stand before the first packet can pass.
  raiseFirewall(store.name, bridgesOf(store));
  switchForwardingOn();
  const link = found ?? makeInterface(socket, network, numbers);
  if (!link.up) forbidIpv6(network.interface);
  const addresses = listAddresses(socket, link.index);
  const messages = new Messages();
  for (const address of addresses.filter((address) => !isWanted(address, numbers))) deleteAddress(messages, address);
  addAddress(messages, { link: link.index, address: numbers.gateway, prefix: numbers.subnet.prefix });
  setUp(messages, link.index);
  socket.send(messages);
  return network;
}

/** The network with other addresses when its own are somebody else's by now, unless the user demands them. */
function withFreeSubnet({ store, network, settings, socket }: Construction): Network {
  const taken = takenSubnets(socket);
  const { subnet } = numbersOf(network);
  if (settings.bip !== undefined || !taken.some((other) => overlap(subnet, other))) return network;
  return renumber(store, network, chooseSubnet(settings, taken));
}

function makeInterface(socket: NetlinkSocket, network: Network, { gateway }: Numbers): Link {
  const messages = new Messages();
  addBridge(messages, { name: network.interface, mac: macOf(gateway) });
  socket.send(messages);
  const link = findLink(socket, network.interface);
  if (!link) throw new HoyError(`the bridge ${network.interface} was removed while it was made`);
  return link;
}

/** Takes the bridges and the firewall table of a store off the machine, for when the store itself goes. Throws SysError. */
export function removeBridges(store: Store): void {
  using _alone = lock(LOCK);
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  const messages = new Messages();
  for (const { interface: name } of bridgesOf(store)) deleteLink(messages, name);
  if (messages.meta.length > 0) socket.send(messages);
  removeFirewall(store.name);
}
