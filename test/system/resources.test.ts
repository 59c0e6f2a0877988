/**
 * Limits beyond memory, CPU and pids, as the container's own cgroup and procfs show them: on v2, v1 and hybrid. Most are root's alone:
 * an ordinary user has them where systemd delegates cgroups, and is told so elsewhere; devices of a user who can make no nodes have no
 * rules.
 */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { detectCgroups } from "../../src/runtime/cgroup/host.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";
import { runProbe } from "./run-probe.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const root = each([ROOT], "busybox");
const v2 = available("cgroup-v2");

/** What a cgroup's file says inside of a container with these flags. */
async function fileOf(store: TestStore, controller: string, file: string, ...flags: string[]): Promise<string> {
  const path = v2 ? `/sys/fs/cgroup/${file}` : `/sys/fs/cgroup/${controller}/${file}`;
  return ((await runProbe(store, flags, { cat: [path], calls: [] })).texts[path] ?? "").trim();
}

async function refused(store: TestStore, flags: readonly string[], message: string | RegExp): Promise<void> {
  const network = flags.some((flag) => /^--net(work)?(=|$)/.test(flag)) ? [] : ["--network", "none"];
  const { code, stderr } = await store.hoy(["run", "--rm", ...network, ...flags, "--rootfs", store.rootfs, "true"]);
  expect([code, stderr]).toEqual([125, typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message)]);
}

each(
  [ROOT],
  "busybox",
  "memory-cgroup",
)("--memory-reservation", async (store) => {
  const [file, flags] = [v2 ? "memory.low" : "memory.soft_limit_in_bytes", ["--memory-reservation", "32m"]];
  expect(await fileOf(store, "memory", file, "-m", "64m", ...flags)).toBe(String(32 << 20));
  await refused(store, ["-m", "16m", ...flags], "Minimum memory limit can not be less than memory reservation limit, see usage");
});

each(
  [ROOT],
  "busybox",
  "memory-cgroup",
)("--memory-swappiness and --oom-kill-disable are v1's", async (store) => {
  if (v2) {
    await refused(store, ["--memory-swappiness", "10"], "cannot limit swappiness (--memory-swappiness): cgroup v2 has no such setting");
    await refused(store, ["--oom-kill-disable"], "cannot limit the OOM killer (--oom-kill-disable): cgroup v2 has no such setting");
  } else {
    expect(await fileOf(store, "memory", "memory.swappiness", "--memory-swappiness", "10")).toBe("10");
    expect(await fileOf(store, "memory", "memory.oom_control", "--oom-kill-disable", "-m", "64m")).toStartWith("oom_kill_disable 1");
  }
  await refused(store, ["--memory-swappiness", "101"], "invalid value: 101. Valid memory swappiness range is 0-100");
});

each(
  [ROOT],
  "busybox",
  "cpu-cgroup",
)("--cpu-period and --cpu-quota", async (store) => {
  const flags = ["--cpu-period", "50000", "--cpu-quota", "20000"];
  if (v2) expect(await fileOf(store, "cpu", "cpu.max", ...flags)).toBe("20000 50000");
  else {
    expect(await fileOf(store, "cpu", "cpu.cfs_period_us", ...flags)).toBe("50000");
    expect(await fileOf(store, "cpu", "cpu.cfs_quota_us", ...flags)).toBe("20000");
  }
  await refused(store, ["--cpus", "0.5", "--cpu-quota", "20000"], "Nano CPUs and CPU Quota cannot both be set");
  await refused(store, ["--cpu-period", "1"], "CPU cfs period can not be less than 1ms");
});

each(
  [ROOT],
  "busybox",
  "cpu-cgroup",
)("--cpu-rt-period and --cpu-rt-runtime reach the kernel, or its refusal the user", async (store) => {
  const flags = ["--cpu-rt-period", "1000000", "--cpu-rt-runtime", "1000"];
  const groups = existsSync("/sys/fs/cgroup/cpu/cpu.rt_runtime_us");
  const call = ["run", "--rm", "--network", "none", ...flags, "--rootfs", store.rootfs, "cat", "/sys/fs/cgroup/cpu/cpu.rt_runtime_us"];
  const { code, stdout, stderr } = await store.hoy(call);
  // The cgroup above has realtime to give only where somebody gave it some.
  if (code === 0) expect([groups, stdout]).toEqual([true, "1000\n"]);
  else expect([code, stderr]).toEqual([125, expect.stringContaining("cannot limit realtime CPU time (--cpu-rt-runtime)")]);
  await refused(store, ["--cpu-rt-period", "1000", "--cpu-rt-runtime", "2000"], "cpu real-time runtime cannot be higher");
});

each(
  [ROOT],
  "busybox",
  "cpuset-cgroup",
)("--cpuset-mems", async (store) => {
  expect(await fileOf(store, "cpuset", "cpuset.mems", "--cpuset-mems", "0")).toBe("0");
  await refused(store, ["--cpuset-mems", "1023"], "Requested memory nodes are not available - requested 1023, available:");
});

/** A disk with a node in /dev. */
const disk = readdirSync("/sys/block").find((name) => existsSync(`/dev/${name}`));
const hasThrottles = v2 ? readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").includes("io") : existsSync("/sys/fs/cgroup/blkio");

root("--device-read-bps and its like", async (store) => {
  await refused(store, ["--device-read-bps", "/dev/nothing:1mb"], "stat /dev/nothing: no such file or directory");
  if (disk === undefined || !hasThrottles) return;
  const numbers = readFileSync(`/sys/block/${disk}/dev`, "utf8").trim();
  const flags = ["--device-read-bps", `/dev/${disk}:1mb`, "--device-write-iops", `/dev/${disk}:100`];
  if (v2) expect(await fileOf(store, "io", "io.max", ...flags)).toBe(`${numbers} rbps=1048576 wbps=max riops=max wiops=100`);
  else {
    expect(await fileOf(store, "blkio", "blkio.throttle.read_bps_device", ...flags)).toBe(`${numbers} 1048576`);
    expect(await fileOf(store, "blkio", "blkio.throttle.write_iops_device", ...flags)).toBe(`${numbers} 100`);
    const others = ["--device-write-bps", `/dev/${disk}:2mb`, "--device-read-iops", `/dev/${disk}:200`];
    expect(await fileOf(store, "blkio", "blkio.throttle.write_bps_device", ...others)).toBe(`${numbers} 2097152`);
    expect(await fileOf(store, "blkio", "blkio.throttle.read_iops_device", ...others)).toBe(`${numbers} 200`);
  }
});

root("--blkio-weight, where an I/O scheduler has weights", async (store) => {
  const names = v2 ? ["io.bfq.weight", "io.weight"] : ["blkio.weight", "blkio.bfq.weight"];
  const flags = ["--blkio-weight", "300"];
  const read = `cd /sys/fs/cgroup/${v2 ? "" : "blkio"} && cat ${names.join(" ")} 2>/dev/null`;
  const { code, stdout, stderr } = await store.hoy([
    "run",
    "--rm",
    "--network",
    "none",
    ...flags,
    "--rootfs",
    store.rootfs,
    "sh",
    "-c",
    read,
  ]);
  if (code === 125) expect(stderr).toContain("cannot limit block I/O (--blkio-weight): the kernel has no");
  else expect(stdout).toMatch(/300|default 2930/);
  if (code === 125 && disk !== undefined)
    await refused(store, ["--blkio-weight-device", `/dev/${disk}:300`], "cannot limit block I/O (--blkio-weight): the kernel has no");
  await refused(store, ["--blkio-weight", "5"], "range of blkio weight is from 10 to 1000");
});

root("--device-cgroup-rule allows what there is no node of", async (store) => {
  const call = (...flags: string[]) =>
    store.hoy(["run", "--rm", "--network", "none", ...flags, "--rootfs", store.rootfs, "sh", "-c", "mknod /k c 1 11 && : > /k"]);
  expect((await call()).code).not.toBe(0);
  expect((await call("--device-cgroup-rule", "c 1:11 w")).code).toBe(0);
  expect((await call("--device-cgroup-rule", "c 1:* r")).code).not.toBe(0);
  await refused(store, ["--device-cgroup-rule", "x 1:1 r"], "invalid device cgroup format 'x 1:1 r'");
});

all("--oom-score-adj", async (store) => {
  expect((await runProbe(store, ["--oom-score-adj", "500"], { calls: [] })).oomScoreAdj).toBe(500);
  await refused(store, ["--oom-score-adj", "1001"], "Invalid value 1001, range for oom score adj is [-1000, 1000]");
  const { code, stderr } = await store.hoy([
    ...["run", "--rm", "--network", "none", "--oom-score-adj", "-999", "--rootfs", store.rootfs, "cat", "/proc/self/oom_score_adj"],
  ]);
  // Only a capability that this machine may not have lowers it.
  if (code !== 0)
    expect([code, stderr]).toEqual([125, expect.stringContaining("--oom-score-adj -999: only CAP_SYS_RESOURCE may lower the score")]);
});

all("--sysctl", async (store) => {
  const flags = ["--sysctl", "net.ipv4.ip_default_ttl=77", "--sysctl", "kernel.shm_rmid_forced=1"];
  const files = ["/proc/sys/net/ipv4/ip_default_ttl", "/proc/sys/kernel/shm_rmid_forced"];
  const { texts } = await runProbe(store, flags, { cat: files, calls: [] });
  expect(files.map((file) => texts[file]?.trim())).toEqual(["77", "1"]);
  await refused(
    store,
    ["--network", "host", "--sysctl", "net.ipv4.ip_default_ttl=77"],
    'sysctl "net.ipv4.ip_default_ttl" not allowed in host network namespace',
  );
  await refused(store, ["--ipc", "host", "--sysctl", "kernel.sem=1"], 'sysctl "kernel.sem" is not allowed in the hosts ipc namespace');
  await refused(store, ["--sysctl", "vm.swappiness=1"], "sysctl 'vm.swappiness=1' is not allowed");
  await refused(store, ["--sysctl", "net.ipv4.no_such_thing=1"], "/proc/sys/net/ipv4/no_such_thing");
});

all("--security-opt systempaths=unconfined", async (store, { title }) => {
  const { mounts, writable } = await runProbe(store, ["--security-opt", "systempaths=unconfined"], {
    write: ["/proc/sys/kernel/hostname"],
    calls: [],
  });
  expect(mounts.map(({ point }) => point).filter((point) => /^\/(proc|sys\/firmware)./.test(point))).toEqual([]);
  if (title === "root") expect(writable["/proc/sys/kernel/hostname"]).toBe("");
  const id = await store.ok(["create", "--network", "none", "--security-opt", "systempaths=unconfined", "--rootfs", store.rootfs, "true"]);
  const { HostConfig } = JSON.parse(await store.ok(["inspect", "-f", "{{json .}}", id]));
  expect([HostConfig.MaskedPaths, HostConfig.ReadonlyPaths, HostConfig.SecurityOpt]).toEqual([[], [], null]);
});

root("--security-opt writable-cgroups", async (store) => {
  const readonly = async (...flags: string[]) => {
    const { mounts } = await runProbe(store, flags, { calls: [] });
    const options = mounts.filter(({ type }) => type.startsWith("cgroup")).map(({ options }) => options.has("ro"));
    return [...new Set(options)];
  };
  expect(await readonly()).toEqual([true]);
  expect(await readonly("--security-opt", "writable-cgroups=true")).toEqual([false]);
  expect(await readonly("--privileged")).toEqual([false]);
  expect(await readonly("--privileged", "--security-opt", "writable-cgroups=false")).toEqual([true]);
});

root("--cgroup-parent", async (store) => {
  const parent = `/hoyt-${store.paths.name}/deep`;
  const { v1, v2: unified } = detectCgroups();
  const bases = [...v1, ...(unified ? [unified] : [])].flatMap(({ base }) => base ?? []);
  try {
    // One that somebody else has made is used as it is.
    mkdirSync(join(bases[0] as string, parent), { recursive: true });
    const { cgroup } = await runProbe(store, ["--cgroup-parent", parent, "--cgroupns", "host", "-m", "64m"], { calls: [] });
    for (const line of cgroup.trim().split("\n")) expect(line).toMatch(new RegExp(`:${parent}/[0-9a-f]{64}$`));
    const flags = ["--cgroup-parent", parent, "--cgroupns", "host", "--network", "none", "--rootfs", store.rootfs];
    await store.ok(["run", "-d", "--name", "one", ...flags, "sleep", "1000"]);
    expect(await store.ok(["exec", "one", "grep", "-c", parent, "/proc/self/cgroup"])).toBe(String(bases.length));
    expect(JSON.parse(await store.ok(["inspect", "-f", "{{json .HostConfig.CgroupParent}}", "one"]))).toBe(parent);
    await store.ok(["stop", "-t", "0", "one"]);
    for (const base of bases)
      expect(readdirSync(join(base, parent), { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([]);
    await refused(store, ["--cgroup-parent", `${store.paths.name}/x`], "is hoy's own");
    await refused(store, ["--cgroup-parent", "../x"], "not a usable cgroup parent");
  } finally {
    await store.hoy(["rm", "-f", "one"]);
    for (const base of bases) for (const path of [join(base, parent), join(base, parent, "..")]) if (existsSync(path)) rmdirSync(path);
  }
});

const WITHOUT_CGROUPS: readonly (readonly [flags: readonly string[], message: string])[] = [
  [["--memory-reservation", "32m"], "cannot limit memory reservation (--memory-reservation): the memory controller is not available"],
  [["--cpu-quota", "20000"], "cannot limit CPU time (--cpus): the cpu controller is not available"],
  [["--cpuset-mems", "0"], "cannot limit memory nodes (--cpuset-mems): the cpuset controller is not available"],
  [["--blkio-weight", "300"], "cannot limit block I/O (--blkio-weight):"],
  [["--cgroup-parent", "/mine"], "--cgroup-parent /mine: there is no cgroup that hoy may write to"],
];

each([ROOTLESS, PLAIN], "busybox")("a user without delegated cgroups is told which limit cannot be had", async (store) => {
  const user = await store.hoy(["run", "--rm", "--network", "none", "--pids-limit", "100", "--rootfs", store.rootfs, "true"]);
  if (user.code === 0) return; // delegated: then these are root's tests
  for (const [flags, message] of WITHOUT_CGROUPS) await refused(store, flags, message);
});
