import { describe, expect, test } from "bun:test";
import type { CgroupHost } from "../../../src/runtime/cgroup/host.ts";
import { planCgroupMounts } from "../../../src/runtime/cgroup/mounts.ts";
import { locateCgroup, planCgroup } from "../../../src/runtime/cgroup/plan.ts";
import { HoyError } from "../../../src/spec/error.ts";
import type { Resources } from "../../../src/spec/runtime.ts";
import { delegatedHost, hybridHost, undelegatedHost, v1Host, v2Host } from "./hosts.ts";

const deny: Resources["devices"] = [{ allow: false, access: "rwm" }];
const resources: Resources = { memory: { limit: 1 << 20 }, cpu: { shares: 1024, cpus: "0" }, pids: { limit: 9 }, devices: deny };
const request = (more: Resources = resources, rootless = false) => ({ parent: "hoy", id: "c1", resources: more, rootless });

describe("v1", () => {
  const plan = planCgroup(v1Host, request());
  test("a directory in each hierarchy, joined through tasks, removed all", () => {
    expect(plan.directories).toHaveLength(8);
    expect(plan.directories).toContain("/sys/fs/cgroup/cpu,cpuacct/hoy/c1");
    expect(plan.payloadJoin).toEqual(plan.directories.map((path) => `${path}/tasks`));
    expect(plan.remove.toSorted()).toEqual(plan.directories.toSorted());
    expect(plan.payloadInto).toBeUndefined();
    expect(plan.kill).toBeUndefined();
  });
  test("the monitors' directory has no limits and is not the container's", () => {
    expect(plan.monitor.join).toContain("/sys/fs/cgroup/memory/hoy/monitors/tasks");
    expect(plan.monitor.join).toHaveLength(8);
    expect(plan.limits.filter(({ path }) => !path.includes("/hoy/c1/"))).toEqual([]);
  });
  test("each limit lies in its controller's hierarchy", () => {
    expect(plan.limits.slice(0, 5).map(({ path, value }) => `${path} ${value}`)).toEqual([
      "/sys/fs/cgroup/memory/hoy/c1/memory.limit_in_bytes 1048576",
      "/sys/fs/cgroup/cpu,cpuacct/hoy/c1/cpu.shares 1024",
      "/sys/fs/cgroup/cpuset/hoy/c1/cpuset.cpus 0",
      "/sys/fs/cgroup/pids/hoy/c1/pids.max 9",
      "/sys/fs/cgroup/devices/hoy/c1/devices.deny a",
    ]);
  });
  test("cpusets are filled from above before anything joins", () => {
    const shared = plan.monitor.shared.find(({ monitors }) => monitors?.includes("cpuset"));
    const top = "/sys/fs/cgroup/cpuset";
    expect(shared?.prepare).toEqual([
      { kind: "copy", path: `${top}/hoy/cpuset.cpus`, from: `${top}/cpuset.cpus` },
      { kind: "copy", path: `${top}/hoy/cpuset.mems`, from: `${top}/cpuset.mems` },
      { kind: "write", path: `${top}/hoy/cgroup.clone_children`, value: "1" },
    ]);
    expect(plan.prepare).toEqual([
      { kind: "copy", path: `${top}/hoy/c1/cpuset.cpus`, from: `${top}/hoy/cpuset.cpus` },
      { kind: "copy", path: `${top}/hoy/c1/cpuset.mems`, from: `${top}/hoy/cpuset.mems` },
    ]);
  });
  test("what to watch", () => {
    expect(plan.freeze).toEqual({ path: "/sys/fs/cgroup/freezer/hoy/c1/freezer.state", on: "FROZEN", off: "THAWED" });
    expect(plan.oom).toBe("/sys/fs/cgroup/memory/hoy/c1/memory.oom_control");
  });
});

describe("v2", () => {
  const plan = planCgroup(v2Host, request());
  test("one directory, born into", () => {
    expect(plan).toMatchObject({
      directories: ["/sys/fs/cgroup/hoy/c1"],
      payloadInto: "/sys/fs/cgroup/hoy/c1",
      payloadJoin: [],
      remove: ["/sys/fs/cgroup/hoy/c1"],
      kill: "/sys/fs/cgroup/hoy/c1/cgroup.kill",
      procs: "/sys/fs/cgroup/hoy/c1/cgroup.procs",
      freeze: { path: "/sys/fs/cgroup/hoy/c1/cgroup.freeze", on: "1", off: "0" },
      oom: "/sys/fs/cgroup/hoy/c1/memory.events",
    });
    expect(plan.monitor).toMatchObject({ join: [], into: "/sys/fs/cgroup/hoy/monitors" });
  });
  test("controllers are handed down from the top, those asked for by order", () => {
    const usual = { kind: "enable", controllers: ["cpu", "io", "memory", "pids"], needed: null };
    expect(plan.monitor.shared[0]?.prepare).toMatchObject([
      { ...usual, path: "/sys/fs/cgroup/cgroup.subtree_control" },
      { ...usual, path: "/sys/fs/cgroup/hoy/cgroup.subtree_control" },
    ]);
    const needed = plan.prepare.map((step) => (step.kind === "enable" ? `${step.controllers} ${step.path}` : step.kind));
    expect(needed).toContain("cpuset /sys/fs/cgroup/cgroup.subtree_control");
    expect(needed.indexOf("memory /sys/fs/cgroup/cgroup.subtree_control")).toBeLessThan(
      needed.indexOf("memory /sys/fs/cgroup/hoy/cgroup.subtree_control"),
    );
    expect(needed).toHaveLength(8);
  });
  test("devices are a program", () => {
    expect(plan.devices?.directory).toBe("/sys/fs/cgroup/hoy/c1");
    expect((plan.devices?.program.length ?? 0) % 8).toBe(0);
    expect(plan.limits.some(({ subject }) => subject === "devices")).toBe(false);
  });
  test("a privileged container has none", () => {
    expect(planCgroup(v2Host, request({ devices: [{ allow: true, access: "rwm" }] })).devices).toBeUndefined();
  });
  test("a deeper parent", () => {
    const { directories, monitor } = planCgroup(v2Host, { ...request(), parent: "/a/b/" });
    expect(directories).toEqual(["/sys/fs/cgroup/a/b/c1"]);
    expect(monitor.shared[0]?.parents).toEqual(["/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"]);
  });
});

describe("hybrid", () => {
  test("limits of v1 on v1, those that only v2 has there; kill and processes through v2", () => {
    const plan = planCgroup(hybridHost, request({ ...resources, hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }));
    const paths = plan.limits.map(({ path }) => path);
    expect(paths).toContain("/sys/fs/cgroup/memory/hoy/c1/memory.limit_in_bytes");
    expect(paths).toContain("/sys/fs/cgroup/unified/hoy/c1/hugetlb.2MB.max");
    expect(paths.filter((path) => path.includes("unified"))).toHaveLength(1);
    expect(plan.prepare.filter(({ kind }) => kind === "enable")).toHaveLength(2);
    expect(plan.kill).toBe("/sys/fs/cgroup/unified/hoy/c1/cgroup.kill");
    expect(plan.devices).toBeUndefined();
    expect(plan.payloadJoin).toHaveLength(8);
  });
});

describe("rootless", () => {
  test("delegated: below the delegated cgroup, no device rules", () => {
    const plan = planCgroup(delegatedHost, request({ memory: { limit: 1 << 20 }, devices: deny }, true));
    expect(plan.payloadInto).toBe(`${delegatedHost.v2?.base}/hoy/c1`);
    expect(plan.devices).toBeUndefined();
    expect(plan.limits).toHaveLength(1);
  });
  test("not delegated, nothing asked for: an empty plan", () => {
    const plan = planCgroup(undelegatedHost, request({ devices: deny }, true));
    expect(plan).toEqual({
      monitor: { shared: [], join: [] },
      directories: [],
      prepare: [],
      limits: [],
      payloadJoin: [],
      remove: [],
    });
  });
});

describe("errors", () => {
  const error = (host: CgroupHost, asked: Resources, rootless: boolean): HoyError => {
    try {
      planCgroup(host, request(asked, rootless));
    } catch (error) {
      if (error instanceof HoyError) return error;
      throw error;
    }
    throw new Error("no error");
  };
  test("a limit that is not delegated names the flag, the cgroup and the remedy", () => {
    const { message, hint } = error(delegatedHost, { cpu: { quota: 1000 } }, true);
    expect(message).toBe(
      "cannot limit CPU time (--cpus): the cpu controller is not available in cgroup /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service",
    );
    expect(hint).toContain("rootless limits need delegation");
    expect(error(undelegatedHost, { memory: { limit: 5 } }, true).message).toContain("cannot limit memory (--memory)");
  });
  test("v1 rootless, a missing controller, a read-only mount, no cgroups at all", () => {
    const closed = { ...v1Host, v1: v1Host.v1.map((hierarchy) => ({ ...hierarchy, base: null })) };
    expect(error(closed, { memory: { limit: 5 } }, true).hint).toContain("cgroup v2 with delegation");
    expect(error(closed, { memory: { limit: 5 } }, false).message).toContain("/sys/fs/cgroup/memory is read-only");
    expect(error({ ...v1Host, v1: v1Host.v1.filter(({ name }) => name !== "pids") }, { pids: { limit: 5 } }, false).hint).toContain(
      "kernel",
    );
    expect(error({ mode: "none", v1: [] }, { pids: { limit: 5 } }, false).message).toContain("no cgroup file system is mounted");
    expect(error(v2Host, { hugepageLimits: [{ pageSize: "2MB", limit: 4 }] }, false).message).toContain(
      "the hugetlb controller is not available",
    );
  });
  test("what a version cannot express is refused, not ignored", () => {
    expect(error(v2Host, { memory: { swappiness: 10 } }, false).message).toContain("cgroup v2 has no such setting");
    expect(error(v2Host, { memory: { disableOOMKiller: true } }, false).message).toContain("--oom-kill-disable");
    expect(error(v2Host, { cpu: { realtimeRuntime: 10 } }, false).message).toContain("--cpu-rt-runtime");
    expect(error(v2Host, { network: { classID: 10 } }, false).message).toContain("resources.network");
    for (const host of [v1Host, hybridHost]) {
      expect(error(host, { unified: { "memory.high": "1" } }, false).message).toContain("cgroup v1 has no such files");
    }
  });
  test("names that would lead elsewhere", () => {
    for (const id of ["", ".", "..", "a/b", "monitors"]) expect(() => locateCgroup(v2Host, "hoy", id)).toThrow("cannot name a cgroup");
    for (const parent of ["", "a/../../b"]) expect(() => locateCgroup(v2Host, parent, "c")).toThrow("not a usable cgroup parent");
  });
});

describe("a parent of the user's", () => {
  const plan = (host: CgroupHost, parent: string) => planCgroup(host, { parent, store: "hoy", id: "c1", rootless: false });
  test("the payload lies below it, the monitors stay with the store", () => {
    for (const host of [v1Host, hybridHost, v2Host]) {
      const { directories, monitor, above = [] } = plan(host, "/mine/deep");
      for (const path of directories) expect(path).toEndWith("/mine/deep/c1");
      for (const { monitors } of monitor.shared) expect(monitors).toEndWith("/hoy/monitors");
      expect(above.map(({ parents }) => parents.at(-1))).toEqual(directories.map((path) => path.slice(0, -"/c1".length)));
    }
    const { directories, above } = plan(v2Host, "hoy");
    expect([directories, above]).toEqual([["/sys/fs/cgroup/hoy/c1"], undefined]);
  });
  test("what is there is changed as little as can be: an empty cpuset is filled, controllers are handed down", () => {
    const cpuset = plan(v1Host, "mine").above?.find(({ parents }) => parents[0]?.includes("cpuset"));
    expect(cpuset?.prepare.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      "copy /sys/fs/cgroup/cpuset/mine/cpuset.cpus",
      "copy /sys/fs/cgroup/cpuset/mine/cpuset.mems",
    ]);
    expect(plan(v2Host, "mine").above?.[0]?.prepare.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      "enable /sys/fs/cgroup/cgroup.subtree_control",
      "enable /sys/fs/cgroup/mine/cgroup.subtree_control",
    ]);
  });
  test("it may not lie among the store's containers, nor where no cgroup can be made", () => {
    expect(() => plan(v2Host, "/hoy/c2")).toThrow("--cgroup-parent /hoy/c2: what lies below hoy is hoy's own");
    expect(() => plan(undelegatedHost, "mine")).toThrow("--cgroup-parent mine: there is no cgroup that hoy may write to");
  });
});

describe("the container's view", () => {
  const view = (host: CgroupHost, namespace: boolean, readonly = true) =>
    planCgroupMounts({ host, plan: locateCgroup(host, "hoy", "c1"), namespace, readonly, rootless: false });
  const words = (mounts: ReturnType<typeof view>) =>
    mounts.map((mount) => {
      if (mount.kind === "mount") return `${mount.type} ${mount.target} ${mount.data}`.trim();
      if (mount.kind === "bind") return `bind ${mount.source} ${mount.target}`;
      return mount.kind === "symlink" ? `${mount.target} -> ${mount.to}` : `ro ${mount.target}`;
    });
  test("v2 with and without a namespace", () => {
    expect(words(view(v2Host, true))).toEqual(["cgroup2 /sys/fs/cgroup", "ro /sys/fs/cgroup"]);
    expect(words(view(v2Host, false, false))).toEqual(["bind /sys/fs/cgroup /sys/fs/cgroup"]);
  });
  test("hybrid: a folder per hierarchy, links into joint ones, the tmpfs closed last", () => {
    const small = { ...hybridHost, v1: hybridHost.v1.slice(0, 2) };
    expect(words(view(small, true))).toEqual([
      "tmpfs /sys/fs/cgroup mode=755",
      "cgroup /sys/fs/cgroup/systemd none,name=systemd",
      "ro /sys/fs/cgroup/systemd",
      "cgroup /sys/fs/cgroup/cpu,cpuacct cpu,cpuacct",
      "ro /sys/fs/cgroup/cpu,cpuacct",
      "/sys/fs/cgroup/cpu -> cpu,cpuacct",
      "/sys/fs/cgroup/cpuacct -> cpu,cpuacct",
      "cgroup2 /sys/fs/cgroup/unified",
      "ro /sys/fs/cgroup/unified",
      "ro /sys/fs/cgroup",
    ]);
    expect(words(view(small, false))).toContain("bind /sys/fs/cgroup/cpu,cpuacct/hoy/c1 /sys/fs/cgroup/cpu,cpuacct");
  });
});
