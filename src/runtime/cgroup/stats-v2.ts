/** Counters of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst), under v1's names as runc gives them. */
import { readdirSync } from "node:fs";
import {
  add,
  type BlockEntry,
  type Count,
  count,
  keyed,
  NOTHING,
  pageSizesIn,
  type Reader,
  type Stats,
  UNLIMITED,
  type Usage,
} from "./counters.ts";

const US = 1000n;

const nanoseconds = (microseconds: Count = 0): Count => count(String(BigInt(microseconds) * US));

function cpu(read: Reader): Stats["cpu"] {
  const stat = keyed(read("cpu.stat"));
  return {
    usage: { total: nanoseconds(stat.usage_usec), kernel: nanoseconds(stat.system_usec), user: nanoseconds(stat.user_usec) },
    throttling: {
      periods: stat.nr_periods ?? 0,
      throttledPeriods: stat.nr_throttled ?? 0,
      throttledTime: nanoseconds(stat.throttled_usec),
    },
  };
}

function usage(read: Reader, name: string): Usage {
  const of = (file: string): Count => count(read(`${name}.${file}`) || "0");
  return { limit: of("max"), usage: of("current"), max: of("peak"), failcnt: keyed(read(`${name}.events`)).max ?? 0 };
}

function memory(read: Reader): Stats["memory"] {
  const raw = keyed(read("memory.stat"));
  const own = usage(read, "memory");
  const alone = usage(read, "memory.swap");
  const swap: Usage = {
    ...alone,
    // v1's swap counts memory too
    usage: add(alone.usage, own.usage),
    limit: alone.limit === UNLIMITED || own.limit === UNLIMITED ? UNLIMITED : add(alone.limit, own.limit),
    max: add(alone.max, own.max),
  };
  return { cache: raw.file ?? 0, usage: own, swap, kernel: NOTHING, kernelTCP: NOTHING, raw };
}

const BLOCK_KEYS: Record<string, readonly [name: string, op: string]> = {
  rbytes: ["ioServiceBytesRecursive", "Read"],
  wbytes: ["ioServiceBytesRecursive", "Write"],
  rios: ["ioServicedRecursive", "Read"],
  wios: ["ioServicedRecursive", "Write"],
};

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 …`. */
function blkio(text: string): Stats["blkio"] {
  const found: Record<string, BlockEntry[]> = {};
  for (const line of text.split("\n").filter(Boolean)) {
    const [device = "", ...pairs] = line.split(" ");
    const [major, minor] = device.split(":");
    for (const pair of pairs) {
      const [key = "", value] = pair.split("=");
      const [name, op] = BLOCK_KEYS[key] ?? [];
      if (name && op) (found[name] ??= []).push({ major: count(major), minor: count(minor), op, value: count(value) });
    }
  }
  return found;
}

function hugetlb(directory: string, read: Reader): Stats["hugetlb"] {
  return Object.fromEntries(
    pageSizesIn(readdirSync(directory)).map((size) => {
      const { limit: _limit, ...rest } = usage(read, `hugetlb.${size}`);
      return [size, rest];
    }),
  );
}

/** Of the controllers that are v2's on this host. */
export function v2Stats(directory: string, read: Reader, has: (controller: string) => boolean): Partial<Stats> {
  const limit = read("pids.max");
  return {
    cpu: cpu(read),
    ...(has("memory") ? { memory: memory(read) } : {}),
    ...(has("pids")
      ? { pids: { current: count(read("pids.current") || "0"), ...(limit === "max" || limit === "" ? {} : { limit: count(limit) }) } }
      : {}),
    ...(has("io") ? { blkio: blkio(read("io.stat")) } : {}),
    ...(has("hugetlb") ? { hugetlb: hugetlb(directory, read) } : {}),
  };
}
