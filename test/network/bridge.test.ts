import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { NETLINK_ROUTE, NetlinkSocket } from "../../ffi/netlink.ts";
import { Messages } from "../../ffi/netlink-message.ts";
import { inNetworkNamespace } from "../../ffi/netns.ts";
import { listAddresses } from "../../src/network/address.ts";
import { ensureBridge, removeBridges } from "../../src/network/bridge.ts";
import { allocateEndpoint, connectEndpoint } from "../../src/network/endpoint.ts";
import { addBridge, addVeth, deleteLink, findLink, listLinks } from "../../src/network/link.ts";
import { ensureDefaultNetworks } from "../../src/network/networks.ts";
import { requires } from "../harness/requires.ts";
import {
  configure,
  connectContainer,
  connectTo,
  HOST,
  hostAndOutside,
  NEIGHBOUR,
  runInside,
  scratchNamespace,
  temporaryStore,
  whoAmI,
} from "./scratch.ts";

const real = requires("root", "namespaces", "nf_tables", "nsenter", "ip", "nft");

real("a container reaches what is outside with the host's address, and is not reached from there", async () => {
  using scratch = temporaryStore();
  const { host, outside } = hostAndOutside();
  using _host = host;
  using _outside = outside;
  using server = whoAmI(outside);
  const { namespace, endpoint } = connectContainer({ host, store: scratch.store, id: "c0" });
  using _namespace = namespace;
  expect(await connectTo(namespace, NEIGHBOUR, server.port)).toBe(HOST);

  using own = whoAmI(namespace);
  expect(await connectTo(host, endpoint.address, own.port)).toBe(endpoint.gateway);
  await runInside(outside, "ip", "route", "add", endpoint.address, "via", HOST);
  expect(await connectTo(outside, endpoint.address, own.port)).toBeUndefined();
});

real("containers of one network reach each other, those of two stores do not", async () => {
  using first = temporaryStore();
  using second = temporaryStore();
  using host = scratchNamespace();
  const [a, b, stranger] = [
    connectContainer({ host, store: first.store, id: "c0" }),
    connectContainer({ host, store: first.store, id: "c1" }),
    connectContainer({ host, store: second.store, id: "c0" }),
  ];
  using _a = a.namespace;
  using _b = b.namespace;
  using _stranger = stranger.namespace;
  using server = whoAmI(b.namespace);
  expect(stranger.network.subnet).not.toBe(a.network.subnet);
  expect(await connectTo(a.namespace, b.endpoint.address, server.port)).toBe(a.endpoint.address);
  expect(await connectTo(stranger.namespace, b.endpoint.address, server.port)).toBeUndefined();
});

interface IpLink {
  ifname: string;
  address: string;
  flags: string[];
  addr_info: { family: string; local: string; prefixlen: number; broadcast?: string }[];
}

real("iproute2 sees the interfaces, addresses and routes as Docker makes them, and no IPv6 on them", async () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  const { namespace, endpoint, network } = connectContainer({ host, store: scratch.store, id: "c0" });
  using _namespace = namespace;
  const links = async (where: typeof host): Promise<IpLink[]> => JSON.parse((await runInside(where, "ip", "-j", "addr")) ?? "[]");
  expect(endpoint).toMatchObject({ address: "172.17.0.2", prefixLength: 16, gateway: "172.17.0.1", mac: "02:42:ac:11:00:02" });

  const inside = await links(namespace);
  expect(inside.map(({ ifname }) => ifname)).toEqual(["lo", "eth0"]);
  expect(inside[0]?.flags).toContain("UP");
  expect(inside[1]).toMatchObject({
    address: "02:42:ac:11:00:02",
    addr_info: [{ family: "inet", local: "172.17.0.2", prefixlen: 16, broadcast: "172.17.255.255" }],
  });
  expect(inside[1]?.addr_info).toHaveLength(1);
  expect(JSON.parse((await runInside(namespace, "ip", "-j", "route", "show", "default")) ?? "")).toMatchObject([
    { gateway: "172.17.0.1", dev: "eth0" },
  ]);

  const outside = await links(host);
  expect(outside.find(({ ifname }) => ifname === network.interface)).toMatchObject({
    address: "02:42:ac:11:00:01",
    addr_info: [{ local: "172.17.0.1" }],
  });
  for (const { ifname, addr_info } of outside)
    if (ifname !== "lo") expect(addr_info.filter(({ family }) => family === "inet6")).toEqual([]);
});

real("what was taken away is put back at the next container", async () => {
  using scratch = temporaryStore();
  const { host, outside } = hostAndOutside();
  using _host = host;
  using _outside = outside;
  using server = whoAmI(outside);
  const first = connectContainer({ host, store: scratch.store, id: "c0" });
  first.namespace.close();
  inNetworkNamespace(host.number, () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const messages = new Messages();
    deleteLink(messages, first.network.interface);
    socket.send(messages);
  });
  await runInside(host, "sh", "-c", "nft flush ruleset; echo 0 > /proc/sys/net/ipv4/ip_forward");
  const { namespace } = connectContainer({ host, store: scratch.store, id: "c1" });
  using _namespace = namespace;
  expect(await connectTo(namespace, NEIGHBOUR, server.port)).toBe(HOST);
});

real("a bridge whose addresses the host uses by now gets others", () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  const { store } = scratch;
  const [bridge] = inNetworkNamespace(host.number, () => ensureDefaultNetworks(store, {}));
  expect(bridge.subnet).toBe("172.17.0.0/16");
  using neighbour = scratchNamespace();
  inNetworkNamespace(host.number, () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const messages = new Messages();
    addVeth(messages, { name: "lan", master: 0, peer: { name: "lan", mac: "02:42:00:00:00:01", namespace: neighbour.number } });
    socket.send(messages);
  });
  configure(host, "lan", "172.17.5.1");
  const moved = inNetworkNamespace(host.number, () => ensureBridge(store, bridge, {}));
  expect(moved).toMatchObject({ id: bridge.id, subnet: "172.18.0.0/16", gateway: "172.18.0.1" });
});

real("bip moves the bridge while nobody uses it", () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  const { store } = scratch;
  inNetworkNamespace(host.number, () => {
    ensureBridge(store, ensureDefaultNetworks(store, {})[0], {});
    const settings = { bip: "10.99.3.5/24" };
    const network = ensureBridge(store, ensureDefaultNetworks(store, settings)[0], settings);
    expect(network).toMatchObject({ subnet: "10.99.3.0/24", gateway: "10.99.3.5" });
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const link = findLink(socket, network.interface);
    expect(listAddresses(socket, link?.index)).toEqual([{ link: link?.index ?? 0, address: 0x0a630305, prefix: 24 }]);
    allocateEndpoint(store, { network, containerId: "c0", isRunning: () => true });
    expect(ensureDefaultNetworks(store, { bip: "10.98.0.1/24" })[0].subnet).toBe("10.99.3.0/24");
  });
});

real("an interface of another kind with the bridge's name is an error that names it", () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  using other = scratchNamespace();
  const { store } = scratch;
  inNetworkNamespace(host.number, () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const messages = new Messages();
    addVeth(messages, { name: store.name, master: 0, peer: { name: "other", mac: "02:42:00:00:00:01", namespace: other.number } });
    socket.send(messages);
    expect(() => ensureBridge(store, ensureDefaultNetworks(store, {})[0], {})).toThrow(`${store.name} is the name of an interface`);
  });
});

real("a connection that fails leaves no interface behind", () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  using namespace = scratchNamespace();
  const { store } = scratch;
  inNetworkNamespace(host.number, () => {
    const network = ensureBridge(store, ensureDefaultNetworks(store, {})[0], {});
    const endpoint = allocateEndpoint(store, { network, containerId: "c0", isRunning: () => true });
    expect(() => connectEndpoint(network, { ...endpoint, gateway: "192.0.2.77" }, namespace.number)).toThrow(
      "add default route through 192.0.2.77",
    );
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    expect(listLinks(socket).map(({ name }) => name)).toEqual(["lo", network.interface]);
  });
});

real("removal takes the bridge and the table", async () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  const { store } = scratch;
  inNetworkNamespace(host.number, () => {
    ensureBridge(store, ensureDefaultNetworks(store, {})[0], {});
    removeBridges(store);
    removeBridges(store);
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    expect(listLinks(socket).map(({ name }) => name)).toEqual(["lo"]);
  });
  expect(await runInside(host, "nft", "list", "ruleset")).toBe("");
});

real("the host may pass packets on, and this thread is back in its own namespace", () => {
  using scratch = temporaryStore();
  using host = scratchNamespace();
  const before = readFileSync("/proc/thread-self/net/dev", "utf8").match(/^ *\w+:/gm);
  const { namespace } = connectContainer({ host, store: scratch.store, id: "c0" });
  using _namespace = namespace;
  expect(inNetworkNamespace(host.number, () => readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"))).toBe("1\n");
  expect(() =>
    inNetworkNamespace(host.number, () => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(readFileSync("/proc/thread-self/net/dev", "utf8").match(/^ *\w+:/gm)).toEqual(before);
});

real("the kernel's own words are part of an error", () => {
  using host = scratchNamespace();
  inNetworkNamespace(host.number, () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const messages = new Messages();
    addBridge(messages, { name: "twice", mac: "02:42:00:00:00:01" });
    addBridge(messages, { name: "twice", mac: "02:42:00:00:00:02" });
    addBridge(messages, { name: "third", mac: "02:42:00:00:00:03" });
    expect(() => socket.send(messages)).toThrow("add bridge twice: file exists");
    // The messages behind the failed one were handled, and the socket is in step.
    expect(findLink(socket, "third")?.mac).toBe("02:42:00:00:00:03");
    const bad = new Messages();
    addVeth(bad, { name: "a-name-that-is-far-too-long", master: 0, peer: { name: "x", mac: "02:42:00:00:00:04", namespace: host.number } });
    expect(() => socket.send(bad)).toThrow(/add interface a-name.*\(.+\): numerical result out of range/);
  });
});
