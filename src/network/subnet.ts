/** Which block of addresses a bridge network gets. Pure but for `takenSubnets`. */
import { readFileSync } from "node:fs";
import type { NetlinkSocket } from "../../ffi/netlink.ts";
import { HoyError } from "../spec/error.ts";
import type { Settings } from "../spec/settings.ts";
import { listAddresses } from "./address.ts";
import { formatSubnet, overlap, parseAddress, parseCidr, type Subnet, subnetOf, subnetSize } from "./ipv4.ts";
import { listRoutes } from "./route.ts";

/** The settings that decide on the default bridge's addresses. */
export type AddressSettings = Pick<Settings, "bip" | "default-address-pools">;

interface Pool {
  base: Subnet;
  /** Prefix length of each network. */
  size: number;
}

export interface SubnetChoice {
  subnet: Subnet;
  /** The bridge's own address. */
  gateway: number;
}

/** Docker's pools, then 10.0.0.0/8 for hosts where all of those are in use. */
const DEFAULT_POOLS = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/15", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/13", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
  { base: "10.0.0.0/8", size: 20 },
];

/** Routes for more than this stand for "everything": a default route in two halves, as VPNs set it. */
const WIDEST_ROUTE = 8;
/** Network, gateway, broadcast and a container. */
const LONGEST_PREFIX = 30;

function readPool({ base, size }: { base: string; size: number }): Pool {
  const block = parseCidr(base)?.subnet;
  if (!block || size < block.prefix || size > LONGEST_PREFIX)
    throw new HoyError(`default-address-pools: ${base} cannot be cut into IPv4 networks of /${size}`, {
      hint: 'an entry looks like {"base": "10.99.0.0/16", "size": 24}',
    });
  return { base: block, size };
}

function readBip(bip: string): SubnetChoice {
  const parsed = parseCidr(bip);
  const inside = parsed && parsed.address !== parsed.subnet.base && parsed.address !== parsed.subnet.base + subnetSize(parsed.subnet) - 1;
  if (!parsed || !inside || parsed.subnet.prefix > LONGEST_PREFIX)
    throw new HoyError(`bip: ${bip} is not an address of the bridge with its prefix length, such as 10.99.0.1/24`);
  return { subnet: parsed.subnet, gateway: parsed.address };
}

/** What `bip` demands, whatever else uses it; undefined without one. Throws HoyError. */
export const demandedSubnet = ({ bip }: AddressSettings): SubnetChoice | undefined => (bip === undefined ? undefined : readBip(bip));

/** The first block of the pools that overlaps nothing in `taken`. Throws HoyError when there is none. */
export function chooseSubnet(settings: AddressSettings, taken: readonly Subnet[]): SubnetChoice {
  const pools = (settings["default-address-pools"] ?? DEFAULT_POOLS).map(readPool);
  for (const { base, size } of pools)
    for (let at = base.base; at < base.base + subnetSize(base); at += 2 ** (32 - size)) {
      const subnet = { base: at, prefix: size };
      if (!taken.some((other) => overlap(subnet, other))) return { subnet, gateway: at + 1 };
    }
  throw new HoyError(`no free block of addresses for the bridge among ${pools.map(({ base }) => formatSubnet(base)).join(", ")}`, {
    hint: "set bip or default-address-pools in /etc/hoy/config.json",
  });
}

/** What the host reaches by its routes, addresses and name servers, but for the interface with index `except`. */
export function takenSubnets(socket: NetlinkSocket, except = 0): Subnet[] {
  const routes = listRoutes(socket)
    .filter(({ link, destination }) => link !== except && destination.prefix >= WIDEST_ROUTE)
    .map(({ destination }) => destination);
  const addresses = listAddresses(socket)
    .filter(({ link }) => link !== except)
    .map(({ address, prefix }) => subnetOf(address, prefix));
  return [...routes, ...addresses, ...nameServers()];
}

/** Mostly behind the default route, where a bridge would hide them. */
function nameServers(): Subnet[] {
  let text: string;
  try {
    text = readFileSync("/etc/resolv.conf", "utf8");
  } catch {
    return []; // a host without name service
  }
  return [...text.matchAll(/^nameserver\s+(\S+)/gm)]
    .map(([, address = ""]) => parseAddress(address))
    .filter((address) => address !== undefined)
    .map((base) => ({ base, prefix: 32 }));
}
