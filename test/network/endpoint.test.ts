import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { allocateEndpoint } from "../../src/network/endpoint.ts";
import { listEndpoints, releaseEndpoints } from "../../src/network/leases.ts";
import { ensureDefaultNetworks, listNetworks, type Network } from "../../src/network/networks.ts";
import { type TemporaryStore, temporaryStore } from "./scratch.ts";

const networkOf = ({ store }: TemporaryStore, bip = "10.99.0.1/24"): Network => ensureDefaultNetworks(store, { bip })[0];
const always = () => true;

test("a store has the networks bridge, host and none, once", () => {
  using scratch = temporaryStore();
  const first = networkOf(scratch);
  expect(networkOf(scratch)).toEqual(first);
  expect(listNetworks(scratch.store).map(({ name, driver }) => [name, driver])).toEqual([
    ["bridge", "bridge"],
    ["host", "host"],
    ["none", "null"],
  ]);
  expect(first).toMatchObject({ subnet: "10.99.0.0/24", gateway: "10.99.0.1", interface: scratch.store.name });
  expect(first.id).toMatch(/^[0-9a-f]{64}$/);
});

test("addresses are given out in turn, and again when all had their turn", () => {
  using scratch = temporaryStore();
  const { store } = scratch;
  const network = networkOf(scratch, "10.99.0.1/29");
  const lease = (id: string) => allocateEndpoint(store, { network, containerId: id, isRunning: always }).address;
  expect([lease("c0"), lease("c1")]).toEqual(["10.99.0.2", "10.99.0.3"]);
  releaseEndpoints(store, "c0");
  expect([lease("c2"), lease("c3"), lease("c0"), lease("c1")]).toEqual(["10.99.0.4", "10.99.0.5", "10.99.0.6", "10.99.0.2"]);
  expect(listEndpoints(store, { containerId: "c1" })).toMatchObject([
    { address: "10.99.0.2", mac: "02:42:0a:63:00:02", networkId: network.id },
  ]);
  expect(listEndpoints(store, { networkId: network.id })).toHaveLength(4);
});

test("a full network takes over what dead containers hold, and says so when there is none", () => {
  using scratch = temporaryStore(6);
  const { store } = scratch;
  const network = networkOf(scratch, "10.99.0.1/29");
  for (let index = 0; index < 5; index++) allocateEndpoint(store, { network, containerId: `c${index}`, isRunning: always });
  const ask = (isRunning: (id: string) => boolean) => () => allocateEndpoint(store, { network, containerId: "c5", isRunning });
  expect(ask(always)).toThrow("all 5 addresses of network bridge (10.99.0.0/29) are in use");
  expect(ask((id) => id !== "c3")()).toMatchObject({ address: "10.99.0.5" });
  expect(listEndpoints(store, { containerId: "c3" })).toEqual([]);
});

test("many processes at once get different addresses", async () => {
  const [processes, each] = [8, 6];
  using scratch = temporaryStore(processes * each);
  networkOf(scratch);
  const children = Array.from({ length: processes }, (_, index) =>
    Bun.spawn(
      [process.execPath, fileURLToPath(import.meta.resolve("./allocate.ts")), scratch.store.root, String(index * each), String(each)],
      {
        stdin: "ignore",
        stdout: "pipe",
      },
    ),
  );
  const answers = await Promise.all(children.map((child) => new Response(child.stdout).text()));
  const addresses = answers.flatMap((text) => text.trim().split("\n"));
  expect(new Set(addresses).size).toBe(processes * each);
  expect(addresses.every((address) => /^10\.99\.0\.\d+$/.test(address))).toBe(true);
}, 30_000);
