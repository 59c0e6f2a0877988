/** Counters of cgroup v1 (Documentation/admin-guide/cgroup-v1). */
import { readdirSync } from "node:fs";
import { parseNumberList } from "../number-list.ts";
import { type BlockEntry, type Count, count, keyed, pageSizesIn, type Reader, type Stats, type Usage } from "./counters.ts";

/** USER_HZ: the unit of cpuacct.stat. */
const TICK_NS = 10_000_000;

function usage(read: Reader, name: string): Usage {
  const of = (file: string): Count => count(read(`${name}.${file}`) || "0");
  return { limit: of("limit_in_bytes"), usage: of("usage_in_bytes"), max: of("max_usage_in_bytes"), failcnt: of("failcnt") };
}

function memory(read: Reader): Stats["memory"] {
  const raw = keyed(read("memory.stat"));
  return {
    cache: raw.cache ?? 0,
    usage: usage(read, "memory"),
    swap: usage(read, "memory.memsw"),
    kernel: usage(read, "memory.kmem"),
    kernelTCP: usage(read, "memory.kmem.tcp"),
    raw,
  };
}

function cpu(read: Reader, readAccounting: Reader): Stats["cpu"] {
  const { nr_periods: periods = 0, nr_throttled: throttledPeriods = 0, throttled_time: throttledTime = 0 } = keyed(read("cpu.stat"));
  const ticks = keyed(readAccounting("cpuacct.stat"));
  const perCpu = readAccounting("cpuacct.usage_all").split("\n").slice(1).filter(Boolean);
  const column = (index: number): Count[] => perCpu.map((line) => count(line.split(" ")[index]));
  return {
    usage: {
      total: count(readAccounting("cpuacct.usage") || "0"),
      percpu: readAccounting("cpuacct.usage_percpu").split(" ").filter(Boolean).map(count),
      percpu_kernel: column(2),
      percpu_user: column(1),
      kernel: Number(ticks.system ?? 0) * TICK_NS,
      user: Number(ticks.user ?? 0) * TICK_NS,
    },
    throttling: { periods, throttledPeriods, throttledTime },
  };
}

const CPUSET_FLAGS = ["cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab"];
const CPUSET_MORE = ["memory_pressure", "sched_load_balance", "sched_relax_domain_level"];

const cpuset = (read: Reader): Stats["cpuset"] => ({
  cpus: parseNumberList(read("cpuset.cpus"), "cpuset.cpus"),
  mems: parseNumberList(read("cpuset.mems"), "cpuset.mems"),
  ...Object.fromEntries([...CPUSET_FLAGS, ...CPUSET_MORE].map((name) => [name, count(read(`cpuset.${name}`) || "0")])),
});

/** Files of the I/O scheduler BFQ, or of the throttling, which count the same. */
const BLOCK_FILES = [
  ["ioServiceBytesRecursive", "io_service_bytes_recursive"],
  ["ioServicedRecursive", "io_serviced_recursive"],
  ["ioQueueRecursive", "io_queued_recursive"],
  ["ioServiceTimeRecursive", "io_service_time_recursive"],
  ["ioWaitTimeRecursive", "io_wait_time_recursive"],
  ["ioMergedRecursive", "io_merged_recursive"],
  ["ioTimeRecursive", "time_recursive"],
  ["sectorsRecursive", "sectors_recursive"],
] as const;

/** Lines `8:0 Read 4096` or `8:0 12`; the sums over all devices have no number before them. */
function blockEntries(text: string): BlockEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, major, minor, op, value] = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line) ?? [];
    return major === undefined ? [] : [{ major: count(major), minor: count(minor), ...(op ? { op } : {}), value: count(value) }];
  });
}

function blkio(read: Reader): Stats["blkio"] {
  const found = BLOCK_FILES.map(([name, file]) => {
    const entries = blockEntries(read(`blkio.bfq.${file}`));
    return [name, entries.length > 0 ? entries : blockEntries(read(`blkio.throttle.${file}`))] as const;
  });
  return Object.fromEntries(found.filter(([, entries]) => entries.length > 0));
}

function hugetlb(directory: string, read: Reader): Stats["hugetlb"] {
  const sizes = pageSizesIn(readdirSync(directory));
  return Object.fromEntries(
    sizes.map((size) => {
      const { limit: _limit, ...rest } = usage(read, `hugetlb.${size}`);
      return [size, rest];
    }),
  );
}

/** Of the controllers that are v1's on this host. */
export function v1Stats(place: (controller: string) => { directory: string; read: Reader } | undefined): Partial<Stats> {
  const nothing: Reader = () => "";
  const stats: Partial<Stats> = {};
  const [times, accounting] = [place("cpu")?.read, place("cpuacct")?.read];
  if (accounting) stats.cpu = cpu(times ?? nothing, accounting);
  const [set, bytes, processes, block, pages] = ["cpuset", "memory", "pids", "blkio", "hugetlb"].map(place);
  if (set) stats.cpuset = cpuset(set.read);
  if (bytes) stats.memory = memory(bytes.read);
  if (processes) {
    const limit = processes.read("pids.max");
    stats.pids = {
      current: count(processes.read("pids.current") || "0"),
      ...(limit === "max" || limit === "" ? {} : { limit: count(limit) }),
    };
  }
  if (block) stats.blkio = blkio(block.read);
  if (pages) stats.hugetlb = hugetlb(pages.directory, pages.read);
  return stats;
}
