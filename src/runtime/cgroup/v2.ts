/** OCI resources as values of cgroup v2's files (Documentation/admin-guide/cgroup-v2.rst), converted as runc and crun do today. */
import { HoyError } from "../../spec/error.ts";
import type { BlockIO, Resources } from "../../spec/runtime.ts";
import { type Asking, asked, checkSwap, impliedSwap, type Limit, orMax } from "./limits.ts";
import { rdmaLimits } from "./v1.ts";

const MIN_SHARES = 2;
const MAX_SHARES = 262144;

/**
 * cpu.shares (2 to 262144, normal 1024) as cpu.weight (1 to 10000, normal 100). runc since 1.3.2 and crun since 1.23 fit a
 * quadratic in log2 through the three pairs (2, 1), (1024, 100) and (262144, 10000); the straight line before made 39 of 1024.
 */
export function cpuWeight(shares: number): number {
  if (shares <= MIN_SHARES) return 1;
  if (shares >= MAX_SHARES) return 10000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** blkio.weight (10 to 1000) as io.weight (1 to 10000), linear. */
const ioWeight = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990);

function* memory(memory: NonNullable<Resources["memory"]>, asking: Asking): Generator<Limit> {
  const controller = "memory";
  const { limit, swap, reservation, kernelTCP, swappiness, disableOOMKiller } = memory;
  checkSwap(limit, swap);
  if (asking(swap)) {
    // v2 counts swap alone, and 0 says "none at all". A kernel without swap accounting has nothing to forbid.
    const alone = asked(swap) && asked(limit) ? swap - limit : swap;
    const missingOk = alone === 0 || impliedSwap(limit, swap);
    yield { controller, file: "memory.swap.max", value: orMax(alone), subject: "swap", missingOk };
  }
  if (asking(limit)) yield { controller, file: "memory.max", value: orMax(limit), subject: "memory" };
  if (asking(reservation)) yield { controller, file: "memory.low", value: orMax(reservation), subject: "reservation" };
  const none = (subject: Limit["subject"]): Limit => ({
    controller,
    file: "",
    value: "",
    subject,
    unsupported: "cgroup v2 has no such setting",
  });
  if (asking(kernelTCP)) yield none("kernelTCP");
  if (swappiness !== undefined && swappiness >= 0) yield none("swappiness");
  if (disableOOMKiller) yield none("oomKiller");
}

function* cpu(cpu: NonNullable<Resources["cpu"]>, asking: Asking): Generator<Limit> {
  const controller = "cpu";
  if (asked(cpu.shares)) yield { controller, file: "cpu.weight", value: `${cpuWeight(cpu.shares)}`, subject: "cpuShares" };
  if (asking(cpu.quota) || asking(cpu.period)) {
    const value = `${asked(cpu.quota) ? cpu.quota : "max"} ${asked(cpu.period) ? cpu.period : 100000}`;
    yield { controller, file: "cpu.max", value, subject: "cpus" };
  }
  if (asking(cpu.burst)) yield { controller, file: "cpu.max.burst", value: `${cpu.burst}`, subject: "cpuBurst" };
  if (asking(cpu.idle)) yield { controller, file: "cpu.idle", value: `${cpu.idle}`, subject: "cpuIdle" };
  if (asking(cpu.realtimeRuntime) || asking(cpu.realtimePeriod)) {
    yield { controller, file: "", value: "", subject: "realtime", unsupported: "cgroup v2 has no such setting" };
  }
  if (cpu.cpus) yield { controller: "cpuset", file: "cpuset.cpus", value: cpu.cpus, subject: "cpuset" };
  if (cpu.mems) yield { controller: "cpuset", file: "cpuset.mems", value: cpu.mems, subject: "memset" };
}

const throttles = [
  ["throttleReadBpsDevice", "rbps"],
  ["throttleWriteBpsDevice", "wbps"],
  ["throttleReadIOPSDevice", "riops"],
  ["throttleWriteIOPSDevice", "wiops"],
] as const;

function* io(io: BlockIO): Generator<Limit> {
  const controller = "io";
  const weight = (device: string, weight: number): Limit => ({
    controller,
    file: "io.bfq.weight",
    value: `${device} ${weight}`,
    subject: "blkio",
    instead: { file: "io.weight", value: `${device} ${ioWeight(weight)}` },
  });
  if (asked(io.weight)) yield weight("default", io.weight);
  const leaf = { controller, file: "", value: "", subject: "blkio", unsupported: "cgroup v2 has no leaf weight" } as const;
  if (asked(io.leafWeight)) yield leaf;
  for (const device of io.weightDevice ?? []) {
    if (asked(device.weight)) yield weight(`${device.major}:${device.minor}`, device.weight);
    if (asked(device.leafWeight)) yield leaf;
  }
  for (const [field, key] of throttles) {
    for (const { major, minor, rate } of io[field] ?? []) {
      yield { controller, file: "io.max", value: `${major}:${minor} ${key}=${rate}`, subject: "throttle" };
    }
  }
}

/** The limits that `asking` finds asked for, in their order. Throws HoyError for contradictions and foreign file names. */
export function* v2Limits(resources: Resources, asking: Asking = asked): Generator<Limit> {
  if (resources.memory) yield* memory(resources.memory, asking);
  if (resources.cpu) yield* cpu(resources.cpu, asking);
  const processes = resources.pids?.limit;
  if (asking(processes)) yield { controller: "pids", file: "pids.max", value: orMax(processes), subject: "pids" };
  if (resources.blockIO) yield* io(resources.blockIO);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    yield { controller: "hugetlb", file: `hugetlb.${pageSize}.max`, value: `${limit}`, subject: "hugetlb" };
  }
  if (asked(resources.network?.classID) || resources.network?.priorities?.length) {
    yield { controller: "net_cls", file: "", value: "", subject: "network", unsupported: "cgroup v2 has no network controllers" };
  }
  yield* rdmaLimits(resources);
  for (const [file, value] of Object.entries(resources.unified ?? {})) {
    const dot = file.indexOf(".");
    if (dot <= 0 || file.includes("/")) throw new HoyError(`resources.unified: "${file}" is not the name of a cgroup v2 file`);
    yield { controller: file.slice(0, dot), file, value, subject: "unified" };
  }
}
