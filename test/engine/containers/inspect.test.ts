/** `inspect`: Docker's fields, all of them and in its order, and those that depend on what the container does. */
import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fd, lockExclusive, O_CREAT, O_RDWR, open } from "../../../ffi/fd.ts";
import { completeOptions } from "../../../src/engine/containers/complete.ts";
import { inspectContainer } from "../../../src/engine/containers/inspect.ts";
import { type ContainerConfig, defaultConfig, defaultHostConfig, type HostConfig } from "../../../src/engine/containers/options.ts";
import { type ContainerRow, rowById, runFolder } from "../../../src/engine/containers/row.ts";
import { openStore, type Store } from "../../../src/state/store.ts";
import { expectGolden } from "./golden.ts";

const ID = "0123456789abcdef".repeat(4);
/** What the tests look into. */
interface Inspected {
  State: object;
  HostConfig: { MaskedPaths: unknown; ReadonlyPaths: unknown };
  GraphDriver: { Data: { MergedDir: string } };
  Mounts: object[];
  LogPath: string;
  NetworkSettings: { SandboxKey: string; EndpointID: string; Networks: Record<string, object> };
}

const folders: string[] = [];
const stores: Store[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.db.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setUp(config: Partial<ContainerConfig> = {}, hostConfig: Partial<HostConfig> = {}) {
  const root = mkdtempSync(join(tmpdir(), "hoy-inspect-"));
  folders.push(root);
  const opened = openStore(root);
  rmSync(opened.run, { recursive: true });
  const store = { ...opened, run: join(root, "run") };
  stores.push(store);
  const options = completeOptions(
    { config: { ...defaultConfig(), Image: "busybox", ...config }, hostConfig: { ...defaultHostConfig(), ...hostConfig }, mounts: [] },
    {
      id: ID,
      image: { Cmd: ["sh", "-c", "x"] },
      hostHostname: "h",
      hostCpus: 2,
      onlineCpus: () => "0-1",
      onlineNodes: () => "0",
      cgroupVersion: 2,
    },
  );
  store.db
    .query("INSERT INTO containers(id, name, image, created, state, options) VALUES (?, 'web', 'busybox', 1767225600123, 'created', ?)")
    .run(ID, JSON.stringify(options));
  mkdirSync(runFolder(store, ID), { recursive: true });
  const set = (sql: string) => store.db.exec(`UPDATE containers SET ${sql}`);
  const inspect = () => inspectContainer(store, rowById(store, ID) as ContainerRow) as unknown as Inspected;
  return { root, store, set, inspect };
}

const hold = (store: Store): Fd => {
  const fd = open(join(runFolder(store, ID), "alive"), O_RDWR | O_CREAT, 0o600);
  lockExclusive(fd.number);
  return fd;
};

/** The store's own place is not part of the golden file. */
const portable = (document: unknown, root: string): unknown => {
  const text = JSON.parse(JSON.stringify(document).replaceAll(root, "ROOT"));
  text.HostConfig.MaskedPaths = text.HostConfig.MaskedPaths.filter((path: string) => !path.includes("thermal_throttle"));
  return text;
};

test("golden: a created container", () => {
  const { inspect, root } = setUp({ Labels: { a: "b" }, ExposedPorts: { "80/tcp": {} }, StopTimeout: 3 }, { Init: true });
  expectGolden("inspect", portable(inspect(), root));
  expect(Object.keys(inspect())).toEqual(
    "Id Created Path Args State Image ResolvConfPath HostnamePath HostsPath LogPath Name RestartCount Driver Platform MountLabel ProcessLabel AppArmorProfile ExecIDs HostConfig GraphDriver Mounts Config NetworkSettings".split(
      " ",
    ),
  );
});

test("a running container, and one whose monitor was killed", () => {
  const { store, set, inspect } = setUp();
  set("state = 'running', pid = 4711, exit_code = 9, started = 1767225601000");
  const alive = hold(store);
  expect(inspect().State).toMatchObject({
    Status: "running",
    Running: true,
    Pid: 4711,
    ExitCode: 0,
    StartedAt: "2026-01-01T00:00:01.000Z",
    FinishedAt: "0001-01-01T00:00:00Z",
  });
  expect(inspect().NetworkSettings.SandboxKey).toBe("/proc/4711/ns/net");
  expect(inspect().GraphDriver.Data.MergedDir).toBe("/proc/4711/root");
  alive.close();
  expect(inspect().State).toMatchObject({ Status: "exited", Running: false, Pid: 0, ExitCode: 137 });
  writeFileSync(join(runFolder(store, ID), "exit"), "3 2026-01-01T00:00:05.000000000Z\n");
  expect(inspect().State).toMatchObject({ Status: "exited", ExitCode: 3, FinishedAt: "2026-01-01T00:00:05.000Z" });
});

test("an exit that is in the row", () => {
  const { set, inspect } = setUp();
  set("state = 'exited', exit_code = 2, oom_killed = 1, error = 'e', finished = 1767225605000");
  expect(inspect().State).toEqual({
    Status: "exited",
    Running: false,
    Paused: false,
    Restarting: false,
    OOMKilled: true,
    Dead: false,
    Pid: 0,
    ExitCode: 2,
    Error: "e",
    StartedAt: "0001-01-01T00:00:00Z",
    FinishedAt: "2026-01-01T00:00:05.000Z",
  });
});

test("mounts", () => {
  const { inspect, root } = setUp(
    { Volumes: { "/anon": {} } },
    {
      Binds: ["/a:/b:ro", "data:/d"],
      Mounts: [
        { Type: "tmpfs", Target: "/t" },
        { Type: "image", Source: "img", Target: "/i" },
      ],
      Tmpfs: { "/u/": "" },
    },
  );
  const plain = { Mode: "", RW: true, Propagation: "" };
  expect(inspect().Mounts).toEqual([
    { ...plain, Type: "bind", Source: "/a", Destination: "/b", Mode: "ro", RW: false, Propagation: "rprivate" },
    { ...plain, Type: "volume", Name: "data", Source: `${root}/volumes/data/_data`, Destination: "/d", Driver: "local", Mode: "z" },
    { ...plain, Type: "tmpfs", Source: "", Destination: "/t" },
    { ...plain, Type: "image", Source: "img", Destination: "/i", RW: false },
    { ...plain, Type: "volume", Name: "", Source: `${root}/volumes/_data`, Destination: "/anon", Driver: "local" },
  ]);
});

test("the network of a connected container", () => {
  const { store, inspect } = setUp();
  store.db.exec(
    "INSERT INTO networks(id, name, driver, created, subnet, gateway) VALUES ('n1', 'bridge', 'bridge', 1, '172.30.0.0/16', '172.30.0.1')",
  );
  expect(inspect().NetworkSettings.Networks.bridge).toMatchObject({ NetworkID: "n1", IPAddress: "", Gateway: "", EndpointID: "" });
  store.db.query("INSERT INTO endpoints VALUES (?, 'n1', '172.30.0.2', '02:42:ac:1e:00:02', 'veth0')").run(ID);
  const { NetworkSettings } = inspect();
  expect(NetworkSettings).toMatchObject({
    IPAddress: "172.30.0.2",
    IPPrefixLen: 16,
    Gateway: "172.30.0.1",
    MacAddress: "02:42:ac:1e:00:02",
  });
  expect(NetworkSettings.Networks.bridge).toMatchObject({ IPAddress: "172.30.0.2", MacAddress: "02:42:ac:1e:00:02" });
  expect(NetworkSettings.EndpointID).toMatch(/^[0-9a-f]{64}$/);
});

test("networks without a row", () => {
  expect(Object.keys(setUp({}, { NetworkMode: "none" }).inspect().NetworkSettings.Networks)).toEqual(["none"]);
});

test("a privileged container has nothing hidden, one without a log no path of it", () => {
  const document = setUp({}, { Privileged: true, LogConfig: { Type: "none", Config: {} } }).inspect();
  expect([document.HostConfig.MaskedPaths, document.HostConfig.ReadonlyPaths, document.LogPath]).toEqual([null, null, ""]);
});
