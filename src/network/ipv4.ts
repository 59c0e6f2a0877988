/** IPv4 addresses as unsigned 32-bit numbers, and blocks of them. */

export interface Subnet {
  /** First address of the block. */
  readonly base: number;
  readonly prefix: number;
}

/** 172.17.0.2 as a number; undefined for anything else than four decimal bytes. */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export const formatAddress = (value: number): string => `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;

/** The four bytes in network order. */
export const addressBytes = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);

export const netmask = (prefix: number): number => (prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0);

/** The block that an address with a prefix length lies in. */
export const subnetOf = (address: number, prefix: number): Subnet => ({ base: (address & netmask(prefix)) >>> 0, prefix });

/** `10.1.2.3/24` as the address and its block; undefined for anything else. */
export function parseCidr(text: string): { address: number; subnet: Subnet } | undefined {
  const [left = "", right = "", ...rest] = text.split("/");
  const address = parseAddress(left);
  if (address === undefined || rest.length > 0 || !/^\d{1,2}$/.test(right) || Number(right) > 32) return undefined;
  return { address, subnet: subnetOf(address, Number(right)) };
}

export const formatSubnet = ({ base, prefix }: Subnet): string => `${formatAddress(base)}/${prefix}`;

export const subnetSize = ({ prefix }: Subnet): number => 2 ** (32 - prefix);

/** The last address of a block. */
export const broadcastOf = (subnet: Subnet): number => subnet.base + subnetSize(subnet) - 1;

export function overlap(a: Subnet, b: Subnet): boolean {
  const mask = netmask(Math.min(a.prefix, b.prefix));
  return (a.base & mask) === (b.base & mask);
}

/** The hardware address that belongs to an address, as Docker makes it: 02:42 and the four bytes. */
export const macOf = (address: number): string =>
  `02:42:${addressBytes(address)
    .toString("hex")
    .replace(/..(?!$)/g, "$&:")}`;

export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex");
