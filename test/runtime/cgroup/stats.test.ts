/** Counters of both cgroup versions, from their files' texts. */
import { expect, test } from "bun:test";
import { count, type Reader, type Stats, UNLIMITED } from "../../../src/runtime/cgroup/counters.ts";
import { v1Stats } from "../../../src/runtime/cgroup/stats-v1.ts";
import { v2Stats } from "../../../src/runtime/cgroup/stats-v2.ts";

const from =
  (files: Record<string, string>): Reader =>
  (file) =>
    files[file] ?? "";

test("counts beyond 2^53 stay exact, and max is the largest", () => {
  expect([count("9223372036854771712"), count("max"), count("12"), count("nonsense")]).toEqual([9223372036854771712n, UNLIMITED, 12, 0]);
});

test("v1", () => {
  const files: Record<string, Record<string, string>> = {
    cpu: { "cpu.stat": "nr_periods 4\nnr_throttled 2\nthrottled_time 77" },
    cpuacct: {
      "cpuacct.usage": "30",
      "cpuacct.usage_percpu": "10 20",
      "cpuacct.usage_all": "cpu user system\n0 1 2\n1 3 4",
      "cpuacct.stat": "user 5\nsystem 6",
    },
    memory: { "memory.stat": "cache 9\nrss 8", "memory.usage_in_bytes": "17", "memory.limit_in_bytes": "9223372036854771712" },
    pids: { "pids.current": "3", "pids.max": "max" },
    cpuset: { "cpuset.cpus": "0-1,3", "cpuset.mems": "0", "cpuset.sched_relax_domain_level": "-1" },
    blkio: {
      "blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Total 4096\nTotal 4096",
      "blkio.bfq.time_recursive": "8:0 12",
    },
  };
  const stats = v1Stats((controller) => (files[controller] ? { directory: "", read: from(files[controller]) } : undefined)) as Stats;
  expect(stats.cpu).toEqual({
    usage: { total: 30, percpu: [10, 20], percpu_kernel: [2, 4], percpu_user: [1, 3], kernel: 60_000_000, user: 50_000_000 },
    throttling: { periods: 4, throttledPeriods: 2, throttledTime: 77 },
  });
  expect(stats.memory).toMatchObject({ cache: 9, usage: { usage: 17, limit: 9223372036854771712n }, raw: { rss: 8 } });
  expect(stats.pids).toEqual({ current: 3 });
  expect(stats.cpuset).toMatchObject({ cpus: [0, 1, 3], mems: [0], sched_relax_domain_level: -1, mem_hardwall: 0 });
  expect(stats.blkio).toEqual({
    ioServiceBytesRecursive: [
      { major: 8, minor: 0, op: "Read", value: 4096 },
      { major: 8, minor: 0, op: "Total", value: 4096 },
    ],
    ioTimeRecursive: [{ major: 8, minor: 0, value: 12 }],
  });
  expect(stats.hugetlb).toBeUndefined();
});

test("v2", () => {
  const read = from({
    "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 1\nnr_throttled 1\nthrottled_usec 5",
    "memory.stat": "anon 1\nfile 2",
    "memory.current": "100",
    "memory.max": "1000",
    "memory.peak": "200",
    "memory.events": "low 0\nmax 3\noom_kill 1",
    "memory.swap.current": "7",
    "memory.swap.max": "max",
    "pids.current": "3",
    "pids.max": "9",
    "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6",
  });
  const { cpu, memory, pids, blkio, hugetlb } = v2Stats("", read, (controller) => controller !== "hugetlb") as Stats;
  expect(cpu).toEqual({
    usage: { total: 30_000, kernel: 10_000, user: 20_000 },
    throttling: { periods: 1, throttledPeriods: 1, throttledTime: 5000 },
  });
  expect(memory.usage).toEqual({ limit: 1000, usage: 100, max: 200, failcnt: 3 });
  expect(memory.swap).toMatchObject({ limit: UNLIMITED, usage: 107 });
  expect([memory.cache, pids, hugetlb]).toEqual([2, { current: 3, limit: 9 }, undefined as never]);
  expect(blkio.ioServicedRecursive).toEqual([
    { major: 8, minor: 0, op: "Read", value: 3 },
    { major: 8, minor: 0, op: "Write", value: 4 },
  ]);
});
