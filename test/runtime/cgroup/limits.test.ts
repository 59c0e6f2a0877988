import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { v1Limits } from "../../../src/runtime/cgroup/v1.ts";
import { cpuWeight, v2Limits } from "../../../src/runtime/cgroup/v2.ts";
import type { Resources } from "../../../src/spec/runtime.ts";

const MIB = 1 << 20;
const v1 = (resources: Resources) => [...v1Limits(resources)].map(({ file, value }) => `${file}=${value}`);
const v2 = (resources: Resources) => [...v2Limits(resources)].map(({ file, value }) => `${file}=${value}`);

describe("memory", () => {
  test("v1 writes memory before memory and swap together", () => {
    expect(v1({ memory: { limit: 64 * MIB, swap: 96 * MIB, reservation: MIB, swappiness: 0 } })).toEqual([
      "memory.limit_in_bytes=67108864",
      "memory.memsw.limit_in_bytes=100663296",
      "memory.soft_limit_in_bytes=1048576",
      "memory.swappiness=0",
    ]);
  });
  test("v2 counts swap alone", () => {
    expect(v2({ memory: { limit: 64 * MIB, swap: 96 * MIB, reservation: MIB } })).toEqual([
      "memory.swap.max=33554432",
      "memory.max=67108864",
      "memory.low=1048576",
    ]);
  });
  test("v2: as much swap as memory together means none at all", () => {
    expect(v2({ memory: { limit: MIB, swap: MIB } })).toEqual(["memory.swap.max=0", "memory.max=1048576"]);
  });
  test("unlimited asks for nothing", () => {
    for (const limits of [v1, v2]) {
      expect(limits({ memory: { limit: -1, swap: -1 }, pids: { limit: -1 }, cpu: { quota: -1, shares: 0 } })).toEqual([]);
      expect(limits({ memory: { limit: MIB, swap: -1 } })).toHaveLength(1);
    }
  });
  test("a kernel without swap accounting is an error only where swap was asked for", () => {
    const swapOf = (limits: typeof v1Limits, swap: number) =>
      [...limits({ memory: { limit: MIB, swap } })].find(({ subject }) => subject === "swap")?.missingOk;
    for (const limits of [v1Limits, v2Limits]) {
      expect(swapOf(limits, 2 * MIB)).toBe(true);
      expect(swapOf(limits, 3 * MIB)).toBe(false);
    }
  });
  test("contradictions are named", () => {
    for (const limits of [v1, v2]) {
      expect(() => limits({ memory: { limit: 2 * MIB, swap: MIB } })).toThrow(
        "cannot limit swap (--memory-swap): it counts memory and swap",
      );
      expect(() => limits({ memory: { swap: MIB } })).toThrow("needs a limit on memory (--memory) too");
    }
  });
});

describe("cpu", () => {
  const resources: Resources = { cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0-1", mems: "0" } };
  test("v1", () => {
    expect(v1(resources)).toEqual([
      "cpu.shares=512",
      "cpu.cfs_period_us=100000",
      "cpu.cfs_quota_us=50000",
      "cpuset.cpus=0-1",
      "cpuset.mems=0",
    ]);
  });
  test("v2", () => {
    expect(v2(resources)).toEqual(["cpu.weight=59", "cpu.max=50000 100000", "cpuset.cpus=0-1", "cpuset.mems=0"]);
    expect(v2({ cpu: { quota: 20_000 } })).toEqual(["cpu.max=20000 100000"]);
    expect(v2({ cpu: { period: 50_000 } })).toEqual(["cpu.max=max 50000"]);
  });
  test("shares to weight: the fixed points, and runc 1.4's own example", () => {
    expect([0, 2, 1024, 2000, 262144, 2 ** 40].map(cpuWeight)).toEqual([1, 1, 100, 170, 10000, 10000]);
  });
  test("weights are whole, in range, and never fall as shares rise", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 262_143 }), (shares) => {
        const [weight, next] = [cpuWeight(shares), cpuWeight(shares + 1)];
        return Number.isInteger(weight) && weight >= 1 && next >= weight && next <= 10_000;
      }),
    );
  });
});

describe("other controllers", () => {
  const resources: Resources = {
    pids: { limit: 100 },
    blockIO: {
      weight: 500,
      weightDevice: [{ major: 8, minor: 0, weight: 10 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 7 }],
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 4096 }],
    rdma: { mlx5: { hcaHandles: 3, hcaObjects: 9 } },
  };
  test("v1", () => {
    expect(v1({ ...resources, network: { classID: 7, priorities: [{ name: "eth0", priority: 5 }] } })).toEqual([
      "pids.max=100",
      "blkio.weight=500",
      "blkio.weight_device=8:0 10",
      "blkio.throttle.read_bps_device=8:0 1000",
      "blkio.throttle.write_iops_device=8:16 7",
      "hugetlb.2MB.limit_in_bytes=4096",
      "net_cls.classid=7",
      "net_prio.ifpriomap=eth0 5",
      "rdma.max=mlx5 hca_handle=3 hca_object=9",
    ]);
  });
  test("v2", () => {
    expect(v2({ ...resources, unified: { "memory.high": "1000" } })).toEqual([
      "pids.max=100",
      "io.bfq.weight=default 500",
      "io.bfq.weight=8:0 10",
      "io.max=8:0 rbps=1000",
      "io.max=8:16 wiops=7",
      "hugetlb.2MB.max=4096",
      "rdma.max=mlx5 hca_handle=3 hca_object=9",
      "memory.high=1000",
    ]);
    const instead = [...v2Limits({ blockIO: { weight: 1000, weightDevice: [{ major: 8, minor: 0, weight: 10 }] } })].map(
      (limit) => limit.instead,
    );
    expect(instead).toEqual([
      { file: "io.weight", value: "default 10000" },
      { file: "io.weight", value: "8:0 1" },
    ]);
  });
  test("a unified name cannot leave its directory", () => {
    for (const name of ["../memory.max", "memory", "", ".x"])
      expect(() => v2({ unified: { [name]: "1" } })).toThrow("not the name of a cgroup v2 file");
  });
});
