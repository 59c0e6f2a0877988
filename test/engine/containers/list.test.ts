/** Lists of containers and their filters, on rows of a store without any container that runs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listContainers } from "../../../src/engine/containers/list.ts";
import { defaultConfig, defaultHostConfig } from "../../../src/engine/containers/options.ts";
import { parseFilters } from "../../../src/engine/filters.ts";
import { openStore, type Store } from "../../../src/state/store.ts";

const root = mkdtempSync(join(tmpdir(), "hoy-list-"));
let store: Store;

interface Row {
  id: string;
  name: string;
  state: string;
  exitCode?: number;
  labels?: Record<string, string>;
  network?: string;
  volume?: string;
  ports?: string[];
}

function add({ id, name, state, exitCode = 0, labels = {}, network = "bridge", volume, ports = [] }: Row, created: number): void {
  const config = { ...defaultConfig(), Labels: labels, ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) };
  const mounts = volume ? [{ type: "volume", source: volume, target: "/data", readOnly: false, mode: "", propagation: "" }] : [];
  const options = { config, hostConfig: { ...defaultHostConfig(), NetworkMode: network }, mounts };
  store.db
    .query("INSERT INTO containers(id, name, image, created, state, exit_code, options) VALUES (?, ?, 'busybox', ?, ?, ?, ?)")
    .run(id.repeat(64), name, created, state, exitCode, JSON.stringify(options));
}

beforeAll(() => {
  store = openStore(root);
  add({ id: "a", name: "web", state: "exited", exitCode: 3, labels: { tier: "front", x: "" } }, 1000);
  add({ id: "b", name: "web-db", state: "created", labels: { tier: "back" }, volume: "data", ports: ["80/tcp", "5000-5002/udp"] }, 2000);
  // its monitor is gone without a word: it was killed, and so was the container
  add({ id: "c", name: "cron", state: "running", network: "host" }, 3000);
});

afterAll(() => {
  store.db.close();
  for (const path of [root, store.run]) rmSync(path, { recursive: true, force: true });
});

const names = (filters: string[] = [], all = true, last = 0): string[] =>
  listContainers(store, { all, last, filters: parseFilters(filters) }).map(({ row }) => row.name);

test("the newest come first, and what only seems to run has ended", () => {
  expect(names()).toEqual(["cron", "web-db", "web"]);
  expect(names([], false)).toEqual([]);
  const [cron] = listContainers(store, { all: true });
  expect(cron?.state).toMatchObject({ status: "exited", exitCode: 137, pid: 0 });
});

test("the last ones are of any state", () => {
  expect(names([], false, 2)).toEqual(["cron", "web-db"]);
});

describe("filters", () => {
  const cases: [filters: string[], expected: string[]][] = [
    [["name=web"], ["web-db", "web"]],
    [["name=^web$"], ["web"]],
    [["name=^/web$"], ["web"]],
    [
      ["name=cron", "name=-db"],
      ["cron", "web-db"],
    ],
    [["id=bbb"], ["web-db"]],
    [["label=tier"], ["web-db", "web"]],
    [["label=tier=back"], ["web-db"]],
    [["label=tier", "label=x"], ["web"]],
    [["label=x=1"], []],
    [["status=created"], ["web-db"]],
    [["status=exited"], ["cron", "web"]],
    [["exited=3"], ["web"]],
    [["exited=0"], []],
    [["ancestor=busybox"], ["cron", "web-db", "web"]],
    [["ancestor=other"], []],
    [["volume=data"], ["web-db"]],
    [["volume=/data"], ["web-db"]],
    [["network=host"], ["cron"]],
    [["health=none"], ["cron", "web-db", "web"]],
    [["health=healthy"], []],
    [["expose=80"], ["web-db"]],
    [["expose=79-81/tcp"], ["web-db"]],
    [["expose=5001/udp"], ["web-db"]],
    [["expose=5001"], []],
    [["publish=80"], []],
    [["is-task=false"], ["cron", "web-db", "web"]],
    [["is-task=true"], []],
    [["before=web-db"], ["web"]],
    [["since=web-db"], ["cron"]],
    [["name=web", "status=created"], ["web-db"]],
  ];
  for (const [filters, expected] of cases) test(filters.join(" "), () => expect(names(filters)).toEqual(expected));

  test("status looks at stopped containers without --all", () => {
    expect(names(["status=created"], false)).toEqual(["web-db"]);
  });

  test("mistakes", () => {
    expect(() => names(["nope=1"])).toThrow("invalid filter 'nope'");
    expect(() => names(["nope"])).toThrow('invalid argument "nope" for "-f, --filter" flag: bad format of filter');
    expect(() => names(["status=nope"])).toThrow("invalid filter 'status=nope'");
    for (const filter of ["health=fine", "expose=x", "expose=80/ip", "publish=", "is-task=maybe"])
      expect(() => names([filter])).toThrow(`invalid filter '${filter}'`);
    expect(() => names(["exited=x"])).toThrow("invalid filter 'exited=x'");
    expect(() => names(["before=nope"])).toThrow("No such container: nope");
  });
});
