import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  broadcastOf,
  formatAddress,
  formatSubnet,
  macOf,
  overlap,
  parseAddress,
  parseCidr,
  type Subnet,
  subnetOf,
} from "../../src/network/ipv4.ts";
import { chooseSubnet, demandedSubnet } from "../../src/network/subnet.ts";

const block = (text: string): Subnet => {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(text);
  return parsed.subnet;
};

const choice = (taken: string[], settings = {}): string => formatSubnet(chooseSubnet(settings, taken.map(block)).subnet);

test("addresses come back as they went in", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => expect(formatAddress(parseAddress(text) ?? -1)).toBe(text)));
  for (const text of ["1.2.3", "1.2.3.256", "1.2.3.04", "1.2.3.4.5", "a.b.c.d", "", "1.2.3.4 ", "::1"])
    expect(parseAddress(text)).toBeUndefined();
});

test("blocks overlap when one contains the other's first address", () => {
  const subnet = fc.tuple(fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => subnetOf(address, prefix));
  const contains = (a: Subnet, b: Subnet): boolean => a.base <= b.base && b.base <= broadcastOf(a);
  fc.assert(fc.property(subnet, subnet, (a, b) => expect(overlap(a, b)).toBe(contains(a, b) || contains(b, a))));
});

test("a hardware address is Docker's", () => expect(macOf(block("172.17.0.2/32").base)).toBe("02:42:ac:11:00:02"));

test("the first free one of Docker's blocks", () => {
  expect(choice([])).toBe("172.17.0.0/16");
  expect(choice(["172.17.4.0/24", "172.18.0.1/32"])).toBe("172.19.0.0/16");
  expect(choice(["172.16.0.0/12"])).toBe("192.168.0.0/20");
  expect(choice(["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/13"])).toBe("10.8.0.0/20");
  expect(() => choice(["0.0.0.0/0"])).toThrow("no free block of addresses");
});

test("default-address-pools in place of them", () => {
  const settings = { "default-address-pools": [{ base: "10.99.0.0/23", size: 24 }] };
  expect(choice([], settings)).toBe("10.99.0.0/24");
  expect(choice(["10.99.0.7/32"], settings)).toBe("10.99.1.0/24");
  expect(() => choice(["10.99.0.0/16"], settings)).toThrow("10.99.0.0/23");
  for (const pool of [
    { base: "10.99.0.0/24", size: 23 },
    { base: "10.99.0.0/24", size: 31 },
    { base: "fd00::/8", size: 64 },
  ])
    expect(() => choice([], { "default-address-pools": [pool] })).toThrow(`default-address-pools: ${pool.base}`);
});

test("bip names the bridge's address and its block", () => {
  expect(demandedSubnet({})).toBeUndefined();
  expect(demandedSubnet({ bip: "10.1.2.3/24" })).toEqual({ subnet: block("10.1.2.0/24"), gateway: 0x0a010203 });
  for (const bip of ["10.1.2.0/24", "10.1.2.255/24", "10.1.2.3", "10.1.2.3/31", "x"])
    expect(() => demandedSubnet({ bip })).toThrow(`bip: ${bip} is not`);
});
