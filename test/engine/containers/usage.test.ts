/** The reckoning of `stats`. */
import { expect, test } from "bun:test";
import { cpuPercent, parseNetDev, type UsageSample, usageOf } from "../../../src/engine/containers/usage.ts";
import { NOTHING, type Stats, UNLIMITED } from "../../../src/runtime/cgroup/counters.ts";

const sample = (part: Partial<UsageSample>): UsageSample => ({
  pid: 1,
  time: 0,
  cpu: 0,
  memory: 0,
  memoryLimit: 0,
  received: 0,
  sent: 0,
  read: 0,
  written: 0,
  pids: 0,
  ...part,
});

test("CPU: a whole one is 100, and another run begins anew", () => {
  const before = sample({ time: 1000, cpu: 5e9 });
  expect(cpuPercent(before, sample({ time: 1100, cpu: 5.1e9 }))).toBeCloseTo(100);
  expect(cpuPercent(before, sample({ time: 1100, cpu: 5.2e9 }))).toBeCloseTo(200);
  expect(cpuPercent(before, sample({ time: 1100, cpu: 6e9, pid: 2 }))).toBe(0);
  expect(cpuPercent(undefined, before)).toBe(0);
  expect(cpuPercent(before, sample({ time: 1100, cpu: 4e9 }))).toBe(0);
});

const stats = (part: Partial<Stats>): Stats => ({
  cpu: { usage: { total: 7, kernel: 0, user: 0 }, throttling: { periods: 0, throttledPeriods: 0, throttledTime: 0 } },
  cpuset: {},
  memory: { cache: 0, usage: NOTHING, swap: NOTHING, kernel: NOTHING, kernelTCP: NOTHING, raw: {} },
  pids: { current: 3 },
  blkio: {},
  hugetlb: {},
  intel_rdt: {},
  network_interfaces: null,
  ...part,
});

const memory = (limit: number | bigint, raw: Record<string, number>): Pick<Stats, "memory"> => ({
  memory: { ...stats({}).memory, usage: { ...NOTHING, usage: 1000, limit }, raw },
});

test("memory is without the cache that nobody used for a while, its limit never more than the host has", () => {
  expect(usageOf(stats(memory(UNLIMITED, { inactive_file: 300 })), 5000)).toMatchObject({
    memory: 700,
    memoryLimit: 5000,
    cpu: 7,
    pids: 3,
  });
  expect(usageOf(stats(memory(2000, { inactive_file: 1, total_inactive_file: 400 })), 5000)).toMatchObject({
    memory: 600,
    memoryLimit: 2000,
  });
  expect(usageOf(stats(memory(2000, { inactive_file: 4000 })), 5000).memory).toBe(1000);
  expect(usageOf(stats({}), 5000)).toMatchObject({ memory: 0, memoryLimit: 0 });
});

test("blocks of all devices, under v1's words and v2's", () => {
  const entry = (op: string, value: number) => ({ major: 8, minor: 0, op, value });
  const blkio = { ioServiceBytesRecursive: [entry("Read", 1), entry("write", 2), entry("Write", 4), entry("Total", 7)] };
  expect(usageOf(stats({ blkio }), 1)).toMatchObject({ read: 1, written: 6 });
});

test("interfaces but lo, also where a number touches the name", () => {
  const head = "Inter-|   Receive                                                |  Transmit\n face |bytes packets\n";
  const lo = "    lo:     999       1    0    0    0     0          0         0      888       1    0    0    0     0       0          0\n";
  const eth = "  eth0:1000       1    0    0    0     0          0         0      20       1    0    0    0     0       0          0\n";
  expect(parseNetDev(head + lo + eth + eth.replace("eth0", "eth1"))).toEqual({ received: 2000, sent: 40 });
  expect(parseNetDev("")).toEqual({ received: 0, sent: 0 });
});
