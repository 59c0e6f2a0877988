/** `update` on containers that run and on those that do not: what their cgroup says, and what inspect does. */
import { expect } from "bun:test";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";
import { query } from "./rest.ts";

const v2 = available("cgroup-v2");
const MIB = 1 << 20;

async function sleeper(store: TestStore, name: string, ...flags: string[]): Promise<void> {
  await store.ok(["run", "-d", "--name", name, "--network", "none", ...flags, "--rootfs", store.rootfs, "sleep", "1000"]);
}

const fileOf = async (store: TestStore, name: string, controller: string, file: string): Promise<string> =>
  await store.ok(["exec", name, "cat", v2 ? `/sys/fs/cgroup/${file}` : `/sys/fs/cgroup/${controller}/${file}`]);

async function hostConfig(store: TestStore, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await store.ok(["inspect", "-f", "{{json .HostConfig}}", name])) as Record<string, unknown>;
}

async function refused(store: TestStore, args: readonly string[], message: string, exitCode = 1): Promise<void> {
  const { code, stderr } = await store.hoy(["update", ...args]);
  expect([code, stderr]).toEqual([exitCode, expect.stringContaining(message)]);
}

each(
  [ROOT],
  "busybox",
  "memory-cgroup",
)("memory and swap are raised and lowered in the order that the kernel allows", async (store) => {
  await sleeper(store, "one", "-m", "64m", "--memory-swap", "64m");
  const memory = async () => Number(await fileOf(store, "one", "memory", v2 ? "memory.max" : "memory.limit_in_bytes"));
  const swap = async () => await fileOf(store, "one", "memory", v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
  expect(await store.ok(["update", "-m", "200m", "--memory-swap", "300m", "one"])).toBe("one");
  expect([await memory(), Number(await swap())]).toEqual([200 * MIB, (v2 ? 100 : 300) * MIB]);
  await store.ok(["update", "-m", "32m", "--memory-swap", "40m", "one"]);
  expect([await memory(), Number(await swap())]).toEqual([32 * MIB, (v2 ? 8 : 40) * MIB]);
  // Memory alone leaves what both have together.
  await store.ok(["update", "-m", "36m", "one"]);
  expect([await memory(), Number(await swap())]).toEqual([36 * MIB, (v2 ? 4 : 40) * MIB]);
  await refused(
    store,
    ["-m", "64m", "one"],
    "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
  );
  await store.ok(["update", "--memory-swap", "-1", "one"]);
  if (v2) expect(await swap()).toBe("max");
  else expect(Number(await swap())).toBeGreaterThan(2 ** 60);
  await store.ok(["update", "-m", "128m", "--memory-reservation", "64m", "one"]);
  expect(await memory()).toBe(128 * MIB);
  expect(await hostConfig(store, "one")).toMatchObject({ Memory: 128 * MIB, MemorySwap: -1, MemoryReservation: 64 * MIB });
  await refused(store, ["-m", "1m", "one"], "Minimum memory limit allowed is 6MB");
});

each(
  [ROOT],
  "busybox",
  "cpu-cgroup",
  "cpuset-cgroup",
  "pids-cgroup",
)("CPUs and processes, at once and after a new start", async (store) => {
  await sleeper(store, "one", "--pids-limit", "50");
  await store.ok(["update", "--cpus", "0.5", "-c", "512", "--cpuset-cpus", "0", "--cpuset-mems", "0", "--pids-limit", "-1", "one"]);
  const check = async () => {
    if (v2) expect(await fileOf(store, "one", "cpu", "cpu.max")).toBe("50000 100000");
    else expect(await fileOf(store, "one", "cpu", "cpu.cfs_quota_us")).toBe("50000");
    if (!v2) expect(await fileOf(store, "one", "cpu", "cpu.shares")).toBe("512");
    expect(await fileOf(store, "one", "cpuset", "cpuset.cpus")).toBe("0");
    expect(await fileOf(store, "one", "pids", "pids.max")).toBe("max");
  };
  await check();
  expect(await hostConfig(store, "one")).toMatchObject({ NanoCpus: 5e8, CpuShares: 512, CpusetCpus: "0", PidsLimit: null });
  await store.ok(["stop", "-t", "0", "one"]);
  await store.ok(["start", "one"]);
  await check();
  await refused(store, ["--cpu-quota", "20000", "one"], "CPU Quota cannot be updated as NanoCPUs has already been set");
  await sleeper(store, "two", "--cpu-quota", "20000");
  await store.ok(["update", "--cpu-quota", "-1", "two"]);
  if (v2) expect(await fileOf(store, "two", "cpu", "cpu.max")).toBe("max 100000");
  else expect(await fileOf(store, "two", "cpu", "cpu.cfs_quota_us")).toBe("-1");
});

each(
  [ROOT],
  "busybox",
  "cpu-cgroup",
  "pids-cgroup",
)("of several limits all are changed, or none", async (store) => {
  await sleeper(store, "one", "--pids-limit", "50", "-c", "512");
  const kernelHasWeights = (await store.hoy(["update", "--blkio-weight", "300", "one"])).code === 0;
  if (!kernelHasWeights) {
    await refused(store, ["-c", "256", "--pids-limit", "20", "--blkio-weight", "300", "one"], "cannot limit block I/O (--blkio-weight)");
    expect(await fileOf(store, "one", "pids", "pids.max")).toBe("50");
    if (!v2) expect(await fileOf(store, "one", "cpu", "cpu.shares")).toBe("512");
    expect(await hostConfig(store, "one")).toMatchObject({ PidsLimit: 50, CpuShares: 512, BlkioWeight: 0 });
  } else expect(await hostConfig(store, "one")).toMatchObject({ BlkioWeight: 300 });
});

each([ROOT, ROOTLESS, PLAIN], "busybox")("a container that does not run has its limits at the next start", async (store, { title }) => {
  await store.ok(["create", "--name", "one", "--network", "none", "--rootfs", store.rootfs, "true"]);
  await store.ok(["create", "--name", "two", "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(await store.ok(["update", "--pids-limit", "20", "one", "two"])).toBe("one\ntwo");
  expect((await hostConfig(store, "two")).PidsLimit).toBe(20);
  const events = query<{ action: string; n: number }>(
    store,
    "SELECT action, count(*) AS n FROM events WHERE action = 'update' GROUP BY action",
  );
  expect(events).toEqual([{ action: "update", n: 2 }]);
  await refused(store, ["--cpuset-cpus", "999", "one"], "Requested CPUs are not available - requested 999, available:");
  await refused(store, ["--pids-limit", "20", "nobody"], "No such container: nobody");
  await refused(store, ["one"], "you must provide one or more flags when using this command");
  await refused(store, ["--restart", "sometimes", "one"], "invalid restart policy: unknown policy 'sometimes'", 1);
  if (title === "root") await store.ok(["start", "-a", "one"]);
});

each([ROOTLESS, PLAIN], "busybox")("a user whose cgroups are not delegated is told so, and nothing changes", async (store) => {
  await sleeper(store, "one");
  const { code, stderr } = await store.hoy(["update", "--pids-limit", "20", "one"]);
  if (code === 0) return; // delegated
  expect(stderr).toMatch(
    /Cannot update container [0-9a-f]{64}: cannot limit processes \(--pids-limit\): the pids controller is not available/,
  );
  expect((await hostConfig(store, "one")).PidsLimit).toBeNull();
});

each(
  [ROOT],
  "busybox",
  "memory-cgroup",
)("a container below another parent is updated there", async (store) => {
  // The store's own name is a parent that is removed with the store.
  await sleeper(store, "one", "--cgroup-parent", store.paths.name, "-m", "64m");
  await store.ok(["update", "-m", "32m", "one"]);
  expect(await fileOf(store, "one", "memory", v2 ? "memory.max" : "memory.limit_in_bytes")).toBe(String(32 * MIB));
});
