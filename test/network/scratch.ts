/** Network namespaces for one test: a "host", an "outside" that it is connected to, and containers; nothing touches the machine's own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fd } from "../../ffi/fd.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "../../ffi/netlink.ts";
import { Messages } from "../../ffi/netlink-message.ts";
import { inNetworkNamespace, inNewNetworkNamespace, ownNetworkNamespace } from "../../ffi/netns.ts";
import { addAddress } from "../../src/network/address.ts";
import { ensureBridge } from "../../src/network/bridge.ts";
import { allocateEndpoint, connectEndpoint, type Endpoint } from "../../src/network/endpoint.ts";
import { parseAddress } from "../../src/network/ipv4.ts";
import { addVeth, findLink, LOOPBACK, setUp } from "../../src/network/link.ts";
import { ensureDefaultNetworks, type Network } from "../../src/network/networks.ts";
import type { AddressSettings } from "../../src/network/subnet.ts";
import { openStore, type Store } from "../../src/state/store.ts";

/** The host's and the neighbour's address on the link between them (RFC 5737). */
export const HOST = "203.0.113.1";
export const NEIGHBOUR = "203.0.113.2";

/** A new network namespace whose loopback interface is up; it lives as long as the descriptor. */
export function scratchNamespace(): Fd {
  return inNewNetworkNamespace(() => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const messages = new Messages();
    setUp(messages, LOOPBACK);
    socket.send(messages);
    return ownNetworkNamespace();
  });
}

/** Gives the interface of that name an address of a /24 and switches it on, inside `namespace`. */
export function configure(namespace: Fd, name: string, address: string): void {
  inNetworkNamespace(namespace.number, () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const link = findLink(socket, name)?.index ?? 0;
    const messages = new Messages();
    addAddress(messages, { link, address: parseAddress(address) ?? 0, prefix: 24 });
    setUp(messages, link);
    socket.send(messages);
  });
}

/** A host connected to an outside that knows no way back but to the host itself. */
export function hostAndOutside(): { host: Fd; outside: Fd } {
  const [host, outside] = [scratchNamespace(), scratchNamespace()];
  inNetworkNamespace(host.number, () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE);
    const messages = new Messages();
    addVeth(messages, { name: "uplink", master: 0, peer: { name: "downlink", mac: "02:42:cb:00:71:02", namespace: outside.number } });
    socket.send(messages);
  });
  configure(host, "uplink", HOST);
  configure(outside, "downlink", NEIGHBOUR);
  return { host, outside };
}

export interface TemporaryStore extends Disposable {
  readonly store: Store;
}

/** A store with rows for `containers` containers, `c0` and so on. */
export function temporaryStore(containers = 4): TemporaryStore {
  const dir = mkdtempSync(join(tmpdir(), "hoyn-"));
  const store = openStore(dir);
  const insert = store.db.query(
    "INSERT INTO containers(id, name, image, created, state, options) VALUES (?, ?, 'none', 0, 'running', '{}')",
  );
  for (let index = 0; index < containers; index++) insert.run(`c${index}`, `name${index}`);
  return {
    store,
    [Symbol.dispose]() {
      store.db.close();
      rmSync(dir, { recursive: true });
      rmSync(store.run, { recursive: true, force: true });
    },
  };
}

export interface Connected {
  readonly namespace: Fd;
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/** Connects a new network namespace as the container `id` to the store's default bridge on `host`. */
export function connectContainer({
  host,
  store,
  id,
  settings = {},
}: {
  host: Fd;
  store: Store;
  id: string;
  settings?: AddressSettings;
}): Connected {
  const namespace = inNewNetworkNamespace(ownNetworkNamespace);
  return inNetworkNamespace(host.number, () => {
    const network = ensureBridge(store, ensureDefaultNetworks(store, settings)[0], settings);
    const endpoint = allocateEndpoint(store, { network, containerId: id, isRunning: () => true });
    connectEndpoint(network, endpoint, namespace.number);
    return { namespace, endpoint, network };
  });
}

/** Runs a program inside `namespace`; standard output, or undefined when it fails. */
export async function runInside(namespace: Fd, ...command: string[]): Promise<string | undefined> {
  const path = `--net=/proc/${process.pid}/fd/${namespace.number}`;
  const child = Bun.spawn(["nsenter", path, ...command], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const text = await new Response(child.stdout).text();
  return (await child.exited) === 0 ? text : undefined;
}

/** A TCP server inside `namespace` that tells each client the address it came from. */
export function whoAmI(namespace: Fd): { port: number } & Disposable {
  const server = inNetworkNamespace(namespace.number, () =>
    Bun.listen({ hostname: "0.0.0.0", port: 0, socket: { open: (socket) => void socket.end(socket.remoteAddress), data() {} } }),
  );
  return { port: server.port, [Symbol.dispose]: () => server.stop(true) };
}

/** What the server answers to a connection from inside `namespace`; undefined when there is no connection within a second. */
export const connectTo = (namespace: Fd, address: string, port: number): Promise<string | undefined> =>
  runInside(namespace, "timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/${address}/${port} && cat <&3`);
