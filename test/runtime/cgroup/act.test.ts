/** The acting part on this machine's own cgroups, whichever version they are: the same suite in the VM covers v2 and v1. */
import { afterAll, describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createCgroup, createMonitors, killCgroup, oomKilled, removeCgroup } from "../../../src/runtime/cgroup/act.ts";
import { detectCgroups } from "../../../src/runtime/cgroup/host.ts";
import { type CgroupPlan, locateCgroup, planCgroup, planMonitors } from "../../../src/runtime/cgroup/plan.ts";
import { removeStoreCgroups, sweepCgroups } from "../../../src/runtime/cgroup/sweep.ts";
import type { Resources } from "../../../src/spec/runtime.ts";
import { available, requires } from "../../harness/requires.ts";

const host = detectCgroups();
const PARENT = `hoy-test-${process.pid}`;
const MIB = 1 << 20;
const deny: Resources = { devices: [{ allow: false, access: "rwm" }] };
const planFor = (id: string, resources: Resources = deny) => planCgroup(host, { parent: PARENT, id, resources, rootless: false });
const read = (path: string) => readFileSync(path, "utf8").trim();

afterAll(() => {
  if (!available("root")) return;
  sweepCgroups(host, PARENT, () => false);
  removeStoreCgroups(host, PARENT);
});

/** A shell that puts itself into the cgroup as the player does, then runs the script. */
function inside({ payloadJoin, payloadInto }: CgroupPlan, script: string) {
  const files = [...payloadJoin, ...(payloadInto ? [`${payloadInto}/cgroup.procs`] : [])];
  const join = files.map((file) => `echo 0 > ${file}`).join(" && ");
  return Bun.spawn(["sh", "-c", `${join} && { ${script}; }`], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

/** Starts `sleep` inside and returns once it runs there. */
async function sleeper(plan: CgroupPlan, script = "exec sleep 1000") {
  const child = inside(plan, `echo ready; ${script}`);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("ready\n");
  reader.releaseLock();
  return child;
}

describe("create and remove", () => {
  requires("root")("limits reach the files of their controllers", () => {
    const resources: Resources = { ...deny };
    if (available("memory-cgroup")) resources.memory = { limit: 64 * MIB, swap: 128 * MIB };
    if (available("pids-cgroup")) resources.pids = { limit: 77 };
    if (available("cpu-cgroup")) resources.cpu = { shares: 512, quota: 50_000, period: 100_000 };
    const plan = planFor("limits", resources);
    createCgroup(plan);
    try {
      for (const directory of plan.directories) expect(existsSync(directory)).toBe(true);
      for (const { path, value, missingOk } of plan.limits) {
        if (path.includes("/devices.")) continue;
        if (missingOk && !existsSync(path)) continue;
        expect(`${path} ${read(path)}`).toBe(`${path} ${value}`);
      }
      const cpuset = plan.directories.find((path) => path.includes("/cpuset"));
      if (cpuset) expect(read(`${cpuset}/cpuset.cpus`)).not.toBe("");
      const devices = plan.directories.find((path) => path.includes("/devices/"));
      if (devices) {
        const list = read(`${devices}/devices.list`).split("\n");
        expect(list).toContain("c 1:3 rwm");
        expect(list).not.toContain("a *:* rwm");
      }
    } finally {
      expect(removeCgroup(plan)).toBe(true);
    }
    for (const directory of plan.directories) expect(existsSync(directory)).toBe(false);
  });

  requires("root")("twice is as good as once, and removing nothing is no error", () => {
    const plan = planFor("twice");
    createCgroup(plan);
    createCgroup(plan);
    createMonitors(plan.monitor);
    expect(removeCgroup(plan)).toBe(true);
    expect(removeCgroup(plan)).toBe(true);
  });

  requires("root")("the monitors' directories take a process", async () => {
    const monitor = planMonitors(host, PARENT);
    createMonitors(monitor);
    const child = inside(
      { ...locateCgroup(host, PARENT, "x"), payloadJoin: monitor.join, payloadInto: monitor.into as string },
      "cat /proc/self/cgroup",
    );
    const places = (await new Response(child.stdout).text()).trim().split("\n");
    expect(await child.exited).toBe(0);
    const held = places.filter((line) => line.endsWith(`/${PARENT}/monitors`));
    expect(held).toHaveLength(monitor.join.length + (monitor.into ? 1 : 0));
  });

  requires("root", "pids-cgroup")("a value that the kernel refuses is named, and nothing stays", () => {
    const plan = planFor("refused", { ...deny, pids: { limit: 5 } });
    const limit = plan.limits.find(({ subject }) => subject === "pids");
    if (limit) limit.value = "many";
    expect(() => createCgroup(plan)).toThrow(/^cannot limit processes \(--pids-limit\): many to .*pids\.max: invalid argument$/);
    for (const directory of plan.directories) expect(existsSync(directory)).toBe(false);
  });

  requires("root", "pids-cgroup")("the limit is in force", async () => {
    const plan = planFor("pids", { ...deny, pids: { limit: 3 } });
    createCgroup(plan);
    try {
      const child = inside(plan, "for i in 1 2 3; do sleep 5 2>&- & done");
      expect(await new Response(child.stderr).text()).toMatch(/fork/i);
    } finally {
      expect(removeCgroup(plan)).toBe(true);
    }
  });

  requires("root")("device rules are in force", async () => {
    const plan = planFor("devices");
    createCgroup(plan);
    try {
      // 1:1 is /dev/mem, 10:229 fuse: whatever of them exists here must be closed, null open.
      const child = inside(
        plan,
        "(: 3<>/dev/null) && echo null; for f in /dev/mem /dev/kmsg /dev/fuse; do [ ! -e $f ] || (exec 3<$f) 2>/tmp/hoy-$$ && echo $f; done; rm -f /tmp/hoy-$$; true",
      );
      const opened = (await new Response(child.stdout).text()).trim().split("\n");
      expect(opened[0]).toBe("null");
      expect(opened.slice(1).filter((path) => existsSync(path))).toEqual([]);
    } finally {
      expect(removeCgroup(plan)).toBe(true);
    }
  });
});

describe("leftovers", () => {
  requires("root")("processes are killed, nested cgroups removed", async () => {
    const plan = planFor("busy");
    createCgroup(plan);
    const child = await sleeper(plan, "sleep 1000 & exec sleep 1000");
    for (const directory of plan.directories) mkdirSync(`${directory}/nested/deeper`, { recursive: true });
    expect(readFileSync(plan.procs as string, "utf8")).toContain(`${child.pid}\n`);
    expect(removeCgroup(plan)).toBe(true);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    for (const directory of plan.directories) expect(existsSync(directory)).toBe(false);
  });

  requires("root")("without cgroup.kill (before 5.14) too, and in nested cgroups", async () => {
    const { kill: _, ...plan } = planFor("loop");
    createCgroup(plan);
    const child = await sleeper(plan);
    const procs = plan.procs as string;
    const nested = `${procs.slice(0, procs.lastIndexOf("/"))}/nested`;
    mkdirSync(nested);
    // A new v1 cpuset is empty and takes nobody; procs never points there, as the first hierarchy is a named or the unified one.
    if (!nested.includes("/cpuset/")) writeFileSync(`${nested}/cgroup.procs`, String(child.pid));
    killCgroup(plan);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    expect(removeCgroup(plan)).toBe(true);
  });

  requires("root")("frozen ones too", async () => {
    const plan = planFor("frozen");
    if (!plan.freeze) return; // a v1 host without its freezer
    createCgroup(plan);
    const child = await sleeper(plan);
    writeFileSync(plan.freeze.path, plan.freeze.on);
    expect(removeCgroup(plan)).toBe(true);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  });

  requires("root")("the sweep takes what nobody knows and leaves the others", async () => {
    const [lost, kept] = [planFor("lost"), planFor("kept")];
    createCgroup(lost);
    createCgroup(kept);
    const child = await sleeper(lost);
    expect(sweepCgroups(host, PARENT, (id) => id === "kept")).toContain("lost");
    await child.exited;
    expect(existsSync(lost.directories[0] as string)).toBe(false);
    expect(kept.directories.filter((path) => !existsSync(path))).toEqual([]);
    expect(removeCgroup(kept)).toBe(true);
    expect(sweepCgroups(host, `${PARENT}-never`, () => false)).toEqual([]);
  });

  requires("root")("a store's own directories go when they are empty", () => {
    const parent = `${PARENT}-end`;
    createMonitors(planMonitors(host, parent));
    removeStoreCgroups(host, parent);
    for (const { base } of [...host.v1, ...(host.v2 ? [host.v2] : [])]) expect(readdirSync(base as string)).not.toContain(parent);
  });
});

describe("out of memory", () => {
  requires("root", "memory-cgroup")("a kill is seen, and only then", async () => {
    const plan = planFor("oom", { ...deny, memory: { limit: 16 * MIB, swap: 16 * MIB } });
    createCgroup(plan);
    try {
      expect(oomKilled(plan)).toBe(false);
      const child = inside(plan, "exec tail /dev/zero");
      await child.exited;
      expect(child.signalCode).toBe("SIGKILL");
      expect(oomKilled(plan)).toBe(true);
    } finally {
      removeCgroup(plan);
    }
    expect(oomKilled(plan)).toBe(false);
  });
});
