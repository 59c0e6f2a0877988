/** What containers use, for `stats`: from their cgroups, or from /proc for a user who has none; network from their namespace. */
import { readFileSync, readlinkSync } from "node:fs";
import { totalmem } from "node:os";
import type { BlockEntry, Count, Stats } from "../../runtime/cgroup/counters.ts";
import { containerStats } from "../../runtime/cgroup/stats.ts";
import type { Store } from "../../state/store.ts";
import { cgroupParent, containerCgroup } from "./cgroup.ts";
import { containerProcesses } from "./processes.ts";
import type { ContainerRow } from "./row.ts";

/** Bytes, unless something else is said; counters since the start of the container. */
export interface UsageSample {
  /** The first process's; 0 for a container that does not run, with zeros everywhere. */
  pid: number;
  /** Milliseconds of a clock that only goes on. */
  time: number;
  /** Nanoseconds on all CPUs. */
  cpu: number;
  memory: number;
  /** The host's memory without one. */
  memoryLimit: number;
  received: number;
  sent: number;
  read: number;
  written: number;
  pids: number;
}

const NOTHING: UsageSample = { pid: 0, time: 0, cpu: 0, memory: 0, memoryLimit: 0, received: 0, sent: 0, read: 0, written: 0, pids: 0 };

/** The counters of now; with `cpuAlone` nothing else is counted, for the first of two samples. */
export function sampleUsage(store: Store, row: ContainerRow, { pid, cpuAlone }: { pid: number; cpuAlone: boolean }): UsageSample {
  if (pid === 0) return NOTHING;
  const time = performance.now();
  const own = containerCgroup(store, row).procs === undefined ? fromProcesses(store, row) : fromCgroup(store, row, cpuAlone);
  return { ...NOTHING, pid, time, ...own, ...(cpuAlone ? {} : networkUsage(pid)) };
}

/** Between two samples of the same run: 100 for a CPU that was busy all the time. */
export function cpuPercent(before: UsageSample | undefined, now: UsageSample): number {
  if (!before || before.pid !== now.pid || now.time <= before.time) return 0;
  return Math.max(0, (now.cpu - before.cpu) / 1e6 / (now.time - before.time)) * 100;
}

type Own = Pick<UsageSample, "cpu" | "memory" | "memoryLimit" | "read" | "written" | "pids">;

/** The files that the reckoning takes: reading the others would take longer than all the rest. */
const CPU_FILES = new Set(["cpuacct.usage", "cpu.stat"]);
const FILES = new Set([
  ...CPU_FILES,
  "memory.usage_in_bytes",
  "memory.limit_in_bytes",
  "memory.current",
  "memory.max",
  "memory.stat",
  "pids.current",
  "blkio.bfq.io_service_bytes_recursive",
  "blkio.throttle.io_service_bytes_recursive",
  "io.stat",
]);

const fromCgroup = (store: Store, row: ContainerRow, cpuAlone: boolean): Own =>
  usageOf(containerStats({ parent: cgroupParent(store, row), id: row.id }, { wanted: cpuAlone ? CPU_FILES : FILES }), totalmem());

/** Docker's reckoning: memory without the page cache that nobody has used for a while (docker/cli, stats_helpers.go). */
export function usageOf({ cpu, memory, blkio, pids }: Stats, hostMemory: number): Own {
  const usage = Number(memory.usage.usage);
  const inactive = Number(memory.raw.total_inactive_file ?? memory.raw.inactive_file ?? 0);
  const limit = Number(memory.usage.limit);
  const bytes = blkio.ioServiceBytesRecursive ?? [];
  return {
    cpu: Number(cpu.usage.total),
    memory: inactive < usage ? usage - inactive : usage,
    memoryLimit: usage === 0 && limit === 0 ? 0 : limit === 0 ? hostMemory : Math.min(limit, hostMemory),
    read: sum(bytes, "read"),
    written: sum(bytes, "write"),
    pids: Number(pids.current),
  };
}

const sum = (entries: readonly BlockEntry[], wanted: string): number =>
  entries.reduce((total, { op, value }) => total + (op?.toLowerCase() === wanted ? Number(value as Count) : 0), 0);

/** USER_HZ is 100 on every architecture of hoy's. */
const TICK_NS = 1e7;
const PAGE = 4096;

/** Of processes that have ended nothing is known but their parents' count of them. */
function fromProcesses(store: Store, row: ContainerRow): Own {
  const own: Own = { cpu: 0, memory: 0, memoryLimit: totalmem(), read: 0, written: 0, pids: 0 };
  for (const pid of containerProcesses(store, row)) {
    const stat = readFile(`/proc/${pid}/stat`);
    // behind the name, which may hold anything: state is the third field of proc_pid_stat(5)
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const field = (number: number): number => Number(fields[number - 3] ?? 0);
    own.cpu += (field(14) + field(15) + field(16) + field(17)) * TICK_NS;
    own.pids += field(20);
    own.memory += field(24) * PAGE;
    const io = readFile(`/proc/${pid}/io`);
    own.read += Number(/^read_bytes: (\d+)/m.exec(io)?.[1] ?? 0);
    own.written += Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? 0);
  }
  return own;
}

/** "" for what has ended meanwhile, or may not be looked at. */
function readFile(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** All interfaces but lo. As with Docker, a container in the host's network has no counters of its own. */
function networkUsage(pid: number): Pick<UsageSample, "received" | "sent"> {
  const total = { received: 0, sent: 0 };
  try {
    if (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync("/proc/self/ns/net")) return total;
  } catch {
    return total; // it has just ended
  }
  return parseNetDev(readFile(`/proc/${pid}/net/dev`));
}

/** /proc/net/dev, after two lines of headings: name, eight counters of what came in, eight of what went out. */
export function parseNetDev(text: string): Pick<UsageSample, "received" | "sent"> {
  const total = { received: 0, sent: 0 };
  for (const line of text.split("\n").slice(2)) {
    const colon = line.lastIndexOf(":");
    if (colon < 0 || line.slice(0, colon).trim() === "lo") continue;
    const counters = line
      .slice(colon + 1)
      .split(" ")
      .filter(Boolean)
      .map(Number);
    total.received += counters[0] ?? 0;
    total.sent += counters[8] ?? 0;
  }
  return total;
}
