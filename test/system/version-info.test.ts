/** `version`, `info` and the networks that every store has, on the compiled binary. */
import { expect } from "bun:test";
import { arch, hostname, release, totalmem } from "node:os";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import { testStore } from "../harness/store.ts";

const everybody = each([ROOT, ROOTLESS, PLAIN], "busybox");
const ARCH = arch() === "arm64" ? "arm64" : "amd64";

requires()("version has Docker's layout, without what a daemon only has", async () => {
  await using store = await testStore();
  const [, version = "", commit = ""] = /^hoy version (\S+), build (\S+)$/.exec(await store.ok(["--version"])) ?? [];
  expect([version, commit]).not.toContain("");
  expect(await store.ok(["version"])).toBe(
    [
      "Client:",
      ` Version:           ${version}`,
      ` Git commit:        ${commit}`,
      ` OS/Arch:           linux/${ARCH}`,
      "",
      "Server: hoy, without a daemon",
      " Engine:",
      `  Version:          ${version}`,
      `  Git commit:       ${commit}`,
      `  OS/Arch:          linux/${ARCH}`,
    ].join("\n"),
  );
  expect(await store.ok(["version", "--format", "{{.Client.Version}} {{.Server.KernelVersion}} {{.Server.Platform.Name}}"])).toBe(
    `${version} ${release()} hoy`,
  );
  expect(JSON.parse(await store.ok(["version", "-f", "json"])).Server).toMatchObject({ Version: version, Arch: ARCH, Os: "linux" });
});

everybody("info tells of the store and the machine", async (store) => {
  const info = async () => JSON.parse(await store.ok(["info", "--format", "json"]));
  expect(await info()).toMatchObject({
    ID: store.paths.name,
    Containers: 0,
    ContainersRunning: 0,
    Images: 0,
    DockerRootDir: store.root,
    Name: hostname(),
    KernelVersion: release(),
    MemTotal: totalmem(),
    OSType: "linux",
  });
  const base = ["--network", "none", "--rootfs", store.rootfs];
  await store.ok(["create", ...base, "true"]);
  await store.ok(["run", "-d", "--name", "runs", ...base, "sleep", "100"]);
  expect(await info()).toMatchObject({ Containers: 2, ContainersRunning: 1, ContainersStopped: 1 });
  await store.ok(["kill", "runs"]);
  await store.ok(["wait", "runs"]);
  expect(await info()).toMatchObject({ Containers: 2, ContainersRunning: 0, ContainersStopped: 2 });

  const text = (await store.ok(["info"])).split("\n");
  for (const line of [
    " Containers: 2",
    "  Running: 0",
    "  Stopped: 2",
    " Server Version: ",
    ` Docker Root Dir: ${store.root}`,
    " OSType: linux",
  ])
    expect(text.some((each) => each.startsWith(line)) ? line : text).toBe(line);
  expect(text.includes("  rootless")).toBe(store.user !== undefined);
  expect(await store.ok(["info", "-f", "{{.Containers}} {{range .SecurityOptions}}{{println .}}{{end}}"])).toStartWith("2 name=seccomp");
});

requires()("a store has the networks bridge, host and none", async () => {
  await using store = await testStore();
  const lines = (await store.ok(["network", "ls"])).split("\n").map((line) => line.split(/ {2,}/));
  expect(lines[0]).toEqual(["NETWORK ID", "NAME", "DRIVER", "SCOPE"]);
  expect(lines.slice(1).map(([, ...rest]) => rest)).toEqual([
    ["bridge", "bridge", "local"],
    ["host", "host", "local"],
    ["none", "null", "local"],
  ]);
  const id = await store.ok(["network", "ls", "-q", "--no-trunc", "--filter", "driver=bridge"]);
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  const filters: [filter: string, names: string][] = [
    ["name=no", "none"],
    ["driver=host", "host"],
    [`id=${id.slice(0, 12)}`, "bridge"],
    ["type=custom", ""],
    ["type=builtin", "bridge\nhost\nnone"],
    ["scope=swarm", ""],
    ["label=a", ""],
  ];
  for (const [filter, names] of filters)
    expect([filter, await store.ok(["network", "ls", "--format", "{{.Name}}", "--filter", filter])]).toEqual([filter, names]);
  for (const name of ["bridge", id, id.slice(0, 6)])
    expect(await store.ok(["network", "inspect", "-f", "{{.Name}} {{.Driver}} {{.Scope}} {{len .Containers}}", name])).toBe(
      "bridge bridge local 0",
    );
  const { code, stdout, stderr } = await store.hoy(["network", "inspect", "nothing"]);
  expect([code, stdout, stderr]).toEqual([1, "[]\n", "Error: network nothing not found\n"]);
});

requires(
  "root",
  "namespaces",
  "nf_tables",
  "busybox",
)("network inspect shows who is connected", async () => {
  await using store = await testStore();
  const id = await store.ok(["run", "-d", "--name", "web", "--rootfs", store.rootfs, "sleep", "100"]);
  const [bridge] = JSON.parse(await store.ok(["network", "inspect", "bridge"]));
  const [{ Subnet, Gateway }] = bridge.IPAM.Config;
  expect(Object.keys(bridge.Containers)).toEqual([id]);
  const { Name, IPv4Address } = bridge.Containers[id];
  expect([Name, IPv4Address.split("/")[1]]).toEqual(["web", Subnet.split("/")[1]]);
  const shown = await store.ok(["exec", "web", "ip", "-4", "-o", "addr", "show", "eth0"]);
  expect(shown).toContain(` ${IPv4Address} `);
  expect(await store.ok(["exec", "web", "ip", "route"])).toContain(`default via ${Gateway} `);
  await store.ok(["rm", "-f", "web"]);
  expect(await store.ok(["network", "inspect", "-f", "{{len .Containers}}", "bridge"])).toBe("0");
});
