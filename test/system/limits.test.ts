/** cgroup limits, as the container's own cgroup shows them: on v2, v1 and hybrid. */
import { expect } from "bun:test";
import { each, ROOT } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import { runProbe } from "./run-probe.ts";

const withMemory = each([ROOT], "busybox", "memory-cgroup");
const v2 = available("cgroup-v2");

withMemory("-m, and twice as much with swap", async (store) => {
  const { cgroupLimits } = await runProbe(store, ["-m", "64m"], { calls: [] });
  expect(cgroupLimits.memory).toBe(String(64 << 20));
  // v2 counts swap alone, v1 memory and swap together; a kernel without swap accounting has neither file.
  if (cgroupLimits.swap !== undefined) expect(cgroupLimits.swap).toBe(String((v2 ? 64 : 128) << 20));
});

withMemory("a process over the limit is killed", async (store) => {
  const hog = "x=0123456789abcdef; while true; do x=$x$x; done";
  const { code } = await store.hoy([
    "run",
    "--rm",
    "--network",
    "none",
    "-m",
    "24m",
    "--memory-swap",
    "24m",
    "--rootfs",
    store.rootfs,
    "sh",
    "-c",
    hog,
  ]);
  expect(code).toBe(137);
});

each(
  [ROOT],
  "busybox",
  "pids-cgroup",
)("--pids-limit", async (store) => {
  expect((await runProbe(store, ["--pids-limit", "20"], { calls: [] })).cgroupLimits.pids).toBe("20");
  const { stderr } = await store.hoy([
    ...["run", "--rm", "--network", "none", "--pids-limit", "5", "--rootfs", store.rootfs],
    ...["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait"],
  ]);
  expect(stderr).toContain("can't fork");
});

each(
  [ROOT],
  "busybox",
  "cpu-cgroup",
)("--cpus and --cpu-shares", async (store) => {
  const { cgroupLimits } = await runProbe(store, ["--cpus", "0.5", "--cpu-shares", "512"], { calls: [] });
  expect(cgroupLimits.cpu).toBe(v2 ? "50000 100000" : "50000");
  if (!v2) expect(cgroupLimits.shares).toBe("512");
  else expect(Number(cgroupLimits.shares)).toBeWithin(10, 100);
});

each(
  [ROOT],
  "busybox",
  "cpuset-cgroup",
)("--cpuset-cpus", async (store) => {
  expect((await runProbe(store, ["--cpuset-cpus", "0"], { calls: [] })).cgroupLimits.cpuset).toBe("0");
});

each(
  [ROOT],
  "busybox",
  "cgroup-v2",
)("the container sees its own cgroup as the root", async (store) => {
  const { cgroup } = await runProbe(store, [], { calls: [] });
  for (const line of cgroup.split("\n").filter(Boolean)) expect(line).toMatch(/^\d+:[^:]*:\/$/);
});
