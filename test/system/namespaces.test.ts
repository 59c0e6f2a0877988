/** Namespaces that a container shares with the host or with another container, as the probe finds them from inside. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { unrest } from "./rest.ts";
import { runProbe } from "./run-probe.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const people = each([ROOT, ROOTLESS], "busybox");

type Name = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "uts" | "user";
const own = (name: Name): string => readlinkSync(`/proc/self/ns/${name}`);

/** Starts a container that sleeps; returns what the probe says of it from inside. */
async function sleeper(store: TestStore, name: string, ...flags: string[]): Promise<void> {
  const network = flags.some((flag) => flag.startsWith("--network")) ? [] : ["--network", "none"];
  await store.ok(["run", "-d", "--name", name, ...network, ...flags, "--rootfs", store.rootfs, "sleep", "1000"]);
}

const namespaceOf = async (store: TestStore, name: string, type: Name): Promise<string> =>
  await store.ok(["exec", name, "readlink", `/proc/self/ns/${type}`]);

async function inspect<T>(store: TestStore, name: string, path: string): Promise<T> {
  return JSON.parse(await store.ok(["inspect", "-f", `{{json ${path}}}`, name])) as T;
}

async function refused(store: TestStore, flags: readonly string[], message: string): Promise<void> {
  const { code, stderr } = await store.hoy(["run", "--rm", ...flags, "--rootfs", store.rootfs, "true"]);
  expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
}

all("--uts host", async (store) => {
  const { namespaces, hostname: name } = await runProbe(store, ["--uts", "host"], { calls: [] });
  expect([namespaces.uts, name]).toEqual([own("uts"), hostname()]);
  await refused(store, ["--uts", "host", "--hostname", "x"], "conflicting options: hostname and the UTS mode");
  await refused(store, ["--uts", "host", "--domainname", "x"], "conflicting options: domainname and the UTS mode");
  await refused(store, ["--uts", "x"], "--uts: invalid UTS mode");
});

all("--domainname", async (store) => {
  const { texts, hostname: name } = await runProbe(store, ["-h", "web", "--domainname", "example.com"], {
    cat: ["/proc/sys/kernel/domainname"],
    calls: [],
  });
  expect([name, texts["/proc/sys/kernel/domainname"]?.trim()]).toEqual(["web", "example.com"]);
});

people("--ipc host, private, none and shareable", async (store) => {
  const host = await runProbe(store, ["--ipc", "host"], { list: ["/dev/shm"], calls: [] });
  expect(host.namespaces.ipc).toBe(own("ipc"));
  expect(host.listings["/dev/shm"]).toEqual(readdirSync("/dev/shm").sort());
  const none = await runProbe(store, ["--ipc", "none"], { calls: [] });
  expect(none.namespaces.ipc).not.toBe(own("ipc"));
  expect(none.mounts.map(({ point }) => point)).not.toContain("/dev/shm");
  for (const mode of ["private", "shareable"]) {
    const { namespaces, mounts } = await runProbe(store, ["--ipc", mode], { calls: [] });
    expect(namespaces.ipc).not.toBe(own("ipc"));
    expect(mounts.find(({ point }) => point === "/dev/shm")?.type).toBe("tmpfs");
  }
  await refused(store, ["--ipc", "x"], "invalid IPC mode: x");
});

people("--ipc container:NAME shares the namespace and /dev/shm of a container that allows it", async (store) => {
  await sleeper(store, "giver", "--ipc", "shareable");
  await store.ok(["exec", "giver", "sh", "-c", "echo hello > /dev/shm/note"]);
  const { namespaces, texts } = await runProbe(store, ["--ipc", "container:giver"], { cat: ["/dev/shm/note"], calls: [] });
  expect([namespaces.ipc, texts["/dev/shm/note"]]).toEqual([await namespaceOf(store, "giver", "ipc"), "hello\n"]);
  await sleeper(store, "taker", "--ipc", "container:giver");
  await store.ok(["exec", "taker", "sh", "-c", "echo back > /dev/shm/answer"]);
  expect(await store.ok(["exec", "giver", "cat", "/dev/shm/answer"])).toBe("back");
  expect(await namespaceOf(store, "taker", "ipc")).toBe(namespaces.ipc as string);
  // One that joins the one that joined has the same.
  expect((await runProbe(store, ["--ipc", "container:taker"], { calls: [] })).namespaces.ipc).toBe(namespaces.ipc as string);
  const id = await store.ok(["inspect", "-f", "{{.Id}}", "giver"]);
  expect(await inspect(store, "taker", ".HostConfig.IpcMode")).toBe(`container:${id}`);
  await sleeper(store, "alone");
  await refused(store, ["--network", "none", "--ipc", "container:alone"], "non-shareable IPC");
  await store.ok(["stop", "-t", "0", "giver"]);
  await refused(store, ["--network", "none", "--ipc", "container:giver"], "is not running");
  await refused(store, ["--network", "none", "--ipc", "container:nobody"], "No such container: nobody");
});

all("--pid host", async (store) => {
  const { namespaces, pid, texts } = await runProbe(store, ["--pid", "host"], { cat: ["/proc/1/comm"], calls: [] });
  expect(namespaces.pid).toBe(own("pid"));
  expect(pid).toBeGreaterThan(1);
  expect(texts["/proc/1/comm"]).toBe(readFileSync("/proc/1/comm", "utf8"));
  await refused(store, ["--pid", "x"], "--pid: invalid PID mode");
});

/** A number of seconds that is this test's alone, so that its processes can be told from others. */
const marked = (store: TestStore): string => `9${Number.parseInt(store.paths.name.replace(/\D/g, "") || "1", 10) % 1_000_000}`;

const sleeping = (seconds: string): string[] =>
  readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandOf(pid) === `sleep\0${seconds}\0`);

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // ended meanwhile
  }
}

all("with --pid host a container's other processes end with its first one", async (store) => {
  const seconds = marked(store);
  const script = `sleep ${seconds} & sleep ${seconds} & exec true`;
  await store.ok(["run", "--network", "none", "--pid", "host", "--rootfs", store.rootfs, "sh", "-c", script]);
  expect(sleeping(seconds)).toEqual([]);
  await sleeper(store, "long", "--pid", "host");
  await store.ok(["exec", "-d", "long", "sleep", seconds]);
  expect(sleeping(seconds)).toHaveLength(1);
  await store.ok(["stop", "-t", "0", "long"]);
  expect(sleeping(seconds)).toEqual([]);
});

people("--pid container:NAME", async (store) => {
  await sleeper(store, "giver");
  const report = await runProbe(store, ["--pid", "container:giver"], { cat: ["/proc/1/comm"], calls: [] });
  expect(report.namespaces.pid).toBe(await namespaceOf(store, "giver", "pid"));
  expect([report.texts["/proc/1/comm"], report.pid > 1]).toEqual(["sleep\n", true]);
  await sleeper(store, "taker", "--pid", "container:giver");
  expect(await store.ok(["exec", "taker", "cat", "/proc/1/comm"])).toBe("sleep");
  const output = await store.ok(["run", "--rm", "-t", "--network", "none", "--pid", "container:giver", "--rootfs", store.rootfs, "tty"]);
  expect(output.trim()).toBe("/dev/pts/0");
  await store.ok(["stop", "-t", "0", "giver"]);
  // The kernel ends a pid namespace with its first process.
  expect(await store.ok(["wait", "taker"])).toBe("137");
  await refused(store, ["--network", "none", "--pid", "container:giver"], "is not running");
});

people("--cgroupns", async (store) => {
  expect((await runProbe(store, ["--cgroupns", "host"], { calls: [] })).namespaces.cgroup).toBe(own("cgroup"));
  const { namespaces, cgroup } = await runProbe(store, ["--cgroupns", "private"], { calls: [] });
  expect(namespaces.cgroup).not.toBe(own("cgroup"));
  for (const line of cgroup.trim().split("\n")) expect(line).toMatch(/^\d+:[^:]*:\/$/);
  await refused(store, ["--cgroupns", "x"], "--cgroupns: invalid CGROUP mode");
});

all("--userns host and --isolation default are what every container has", async (store) => {
  const { namespaces } = await runProbe(store, ["--userns", "host", "--isolation", "default"], { calls: [] });
  expect(namespaces.user).toBe((await runProbe(store, [], { calls: [] })).namespaces.user as string);
  await refused(store, ["--userns", "private"], "--userns: invalid USER mode");
  await refused(store, ["--isolation", "hyperv"], `invalid isolation: "hyperv" - linux only supports 'default'`);
});

people("--network container:NAME shares the network, its names and its files", async (store) => {
  await sleeper(store, "giver", "-h", "web", "--add-host", "db:10.9.8.7");
  const id = await store.ok(["inspect", "-f", "{{.Id}}", "giver"]);
  const report = await runProbe(store, ["--network", "container:giver"], { cat: ["/etc/hosts", "/etc/hostname"], calls: [] });
  expect(report.namespaces.net).toBe(await namespaceOf(store, "giver", "net"));
  expect([report.hostname, report.env.HOSTNAME, report.texts["/etc/hostname"]]).toEqual(["web", "web", "web\n"]);
  expect(report.texts["/etc/hosts"]).toContain("10.9.8.7\tdb");
  // Files are the same ones, not copies.
  await sleeper(store, "taker", "--network", "container:giver");
  await store.ok(["exec", "giver", "sh", "-c", "echo 10.9.8.6 late >> /etc/hosts"]);
  expect(await store.ok(["exec", "taker", "tail", "-n", "1", "/etc/hosts"])).toBe("10.9.8.6 late");
  expect(await namespaceOf(store, "taker", "net")).toBe(report.namespaces.net as string);
  expect(await inspect<object>(store, "taker", ".")).toMatchObject({
    HostConfig: { NetworkMode: `container:${id}` },
    HostsPath: expect.stringContaining(`/${id}/hosts`),
    Config: { Hostname: "web" },
    NetworkSettings: { Networks: {} },
  });
  const chained = await runProbe(store, ["--network", "container:taker"], { calls: [] });
  expect([chained.namespaces.net, chained.hostname]).toEqual([report.namespaces.net, "web"]);
  const conflicts: readonly (readonly [string, string, string])[] = [
    ["--hostname", "x", "hostname and the network mode"],
    ["--dns", "1.1.1.1", "dns and the network mode"],
    ["--add-host", "a:1.2.3.4", "custom host-to-IP mapping and the network mode"],
  ];
  for (const [flag, value, words] of conflicts)
    await refused(store, ["--network", "container:giver", flag, value], `conflicting options: ${words}`);
  await store.ok(["stop", "-t", "0", "giver"]);
  await refused(store, ["--network", "container:giver"], `cannot join network of a non running container: ${id}`);
  await refused(store, ["--network", "container:nobody"], "No such container: nobody");
  await refused(store, ["--network", "container:"], "invalid container format container:<name|id>");
});

all("--network container:NAME of a container in the host's network", async (store) => {
  await sleeper(store, "giver", "--network", "host");
  const { namespaces } = await runProbe(store, ["--network", "container:giver"], { calls: [] });
  expect(namespaces.net).toBe(own("net"));
  await refused(store, ["--network", "container:giver", "--sysctl", "net.ipv4.ip_forward=1"], "not allowed in host network namespace");
});

each(
  [ROOT],
  "busybox",
  "nf_tables",
)("a joined network loses its interface with the container that it belongs to", async (store) => {
  await sleeper(store, "giver", "--network", "bridge");
  await sleeper(store, "taker", "--network", "container:giver");
  const interfaces = async () => (await store.ok(["exec", "taker", "ls", "/sys/class/net"])).split(/\s+/);
  expect(await interfaces()).toContain("eth0");
  await store.ok(["stop", "-t", "0", "giver"]);
  expect(await interfaces()).toEqual(["lo"]);
  // It starts anew without the old namespace.
  await store.ok(["start", "giver"]);
  expect(await store.ok(["exec", "giver", "ls", "/sys/class/net"])).toContain("eth0");
  await store.ok(["stop", "-t", "0", "taker"]);
  await store.ok(["start", "taker"]);
  expect(await interfaces()).toContain("eth0");
});

people("exec, --init and a terminal in shared namespaces", async (store) => {
  await sleeper(store, "giver", "--ipc", "shareable");
  const flags = ["--network", "container:giver", "--pid", "container:giver", "--ipc", "container:giver", "--init"];
  await sleeper(store, "taker", ...flags);
  for (const type of ["net", "pid", "ipc"] as const)
    expect([type, await namespaceOf(store, "taker", type)]).toEqual([type, await namespaceOf(store, "giver", type)]);
  for (const type of ["mnt", "uts"] as const)
    expect(await namespaceOf(store, "taker", type)).not.toBe(await namespaceOf(store, "giver", type));
});

people("a start in shared namespaces that is cut off leaves nothing behind", async (store) => {
  await sleeper(store, "giver", "--ipc", "shareable");
  const flags = ["--network", "container:giver", "--ipc", "container:giver", "--pid", "host", "--rootfs", store.rootfs];
  const rounds = 20;
  for (let round = 0; round < rounds; round++) {
    const child = store.spawn(["run", "--rm", ...flags, "sh", "-c", "sleep 0.02 & exec true"]);
    await Bun.sleep((round / rounds) * 80);
    child.kill("SIGKILL");
    await child.exited;
  }
  await store.ok(["rm", "-f", "giver"]);
  expect(await unrest(store)).toEqual([]);
});

people("with a killed monitor all processes of a container go, also those in the host's pid namespace", async (store) => {
  const seconds = marked(store);
  await sleeper(store, "giver");
  const flags = ["--network", "container:giver", "--pid", "host", "--rootfs", store.rootfs];
  const id = await store.ok(["run", "-d", ...flags, "sh", "-c", `sleep ${seconds} & exec sleep ${seconds}`]);
  const monitor = readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && commandOf(pid).startsWith(`hoy-monitor ${id.slice(0, 12)}`));
  process.kill(Number(monitor), "SIGKILL");
  await store.ok(["rm", "-f", "giver", id]);
  expect(sleeping(seconds)).toEqual([]);
  expect(await unrest(store)).toEqual([]);
});
