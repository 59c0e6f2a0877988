/** OCI resources as values of cgroup v1's files (Documentation/admin-guide/cgroup-v1). Devices are in devices.ts. */

import type { BlockIO, Resources } from "../../spec/runtime.ts";
import { type Asking, asked, checkSwap, impliedSwap, type Limit, orMax } from "./limits.ts";

function* memory(memory: NonNullable<Resources["memory"]>, asking: Asking): Generator<Limit> {
  const controller = "memory";
  const { limit, swap, reservation, kernelTCP, swappiness, disableOOMKiller } = memory;
  checkSwap(limit, swap);
  // The order matters: the kernel refuses a limit on both together that is below the one on memory.
  if (asking(limit)) yield { controller, file: "memory.limit_in_bytes", value: `${limit}`, subject: "memory" };
  if (asking(swap)) {
    const missingOk = impliedSwap(limit, swap);
    yield { controller, file: "memory.memsw.limit_in_bytes", value: `${swap}`, subject: "swap", missingOk };
  }
  if (asking(reservation)) yield { controller, file: "memory.soft_limit_in_bytes", value: `${reservation}`, subject: "reservation" };
  if (asking(kernelTCP)) yield { controller, file: "memory.kmem.tcp.limit_in_bytes", value: `${kernelTCP}`, subject: "kernelTCP" };
  // 0 is a request here: never swap. Docker's "not asked" is -1 or no value.
  if (swappiness !== undefined && swappiness >= 0) {
    yield { controller, file: "memory.swappiness", value: `${swappiness}`, subject: "swappiness" };
  }
  if (disableOOMKiller) yield { controller, file: "memory.oom_control", value: "1", subject: "oomKiller" };
}

function* cpu(cpu: NonNullable<Resources["cpu"]>, asking: Asking): Generator<Limit> {
  const controller = "cpu";
  const of = (file: string, value: number, subject: Limit["subject"]): Limit => ({ controller, file, value: `${value}`, subject });
  if (asking(cpu.shares)) yield of("cpu.shares", cpu.shares, "cpuShares");
  if (asking(cpu.period)) yield of("cpu.cfs_period_us", cpu.period, "cpus");
  if (asking(cpu.quota)) yield of("cpu.cfs_quota_us", cpu.quota, "cpus");
  if (asking(cpu.burst)) yield of("cpu.cfs_burst_us", cpu.burst, "cpuBurst");
  if (asking(cpu.realtimePeriod)) yield of("cpu.rt_period_us", cpu.realtimePeriod, "realtime");
  if (asking(cpu.realtimeRuntime)) yield of("cpu.rt_runtime_us", cpu.realtimeRuntime, "realtime");
  if (asking(cpu.idle)) yield of("cpu.idle", cpu.idle, "cpuIdle");
  if (cpu.cpus) yield { controller: "cpuset", file: "cpuset.cpus", value: cpu.cpus, subject: "cpuset" };
  if (cpu.mems) yield { controller: "cpuset", file: "cpuset.mems", value: cpu.mems, subject: "memset" };
}

const throttles = [
  ["throttleReadBpsDevice", "blkio.throttle.read_bps_device"],
  ["throttleWriteBpsDevice", "blkio.throttle.write_bps_device"],
  ["throttleReadIOPSDevice", "blkio.throttle.read_iops_device"],
  ["throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"],
] as const;

function* blkio(io: BlockIO): Generator<Limit> {
  const controller = "blkio";
  // CFQ's files went with Linux 5.0; BFQ has its own name for the same, and no leaf weight.
  const weight = (file: string, value: string): Limit => ({
    controller,
    file: `blkio.${file}`,
    value,
    subject: "blkio",
    instead: { file: `blkio.bfq.${file}`, value },
  });
  if (asked(io.weight)) yield weight("weight", `${io.weight}`);
  if (asked(io.leafWeight)) yield { controller, file: "blkio.leaf_weight", value: `${io.leafWeight}`, subject: "blkio" };
  for (const device of io.weightDevice ?? []) {
    const name = `${device.major}:${device.minor}`;
    if (asked(device.weight)) yield weight("weight_device", `${name} ${device.weight}`);
    if (asked(device.leafWeight)) {
      yield { controller, file: "blkio.leaf_weight_device", value: `${name} ${device.leafWeight}`, subject: "blkio" };
    }
  }
  for (const [field, file] of throttles) {
    for (const { major, minor, rate } of io[field] ?? [])
      yield { controller, file, value: `${major}:${minor} ${rate}`, subject: "throttle" };
  }
}

/**
 * The limits that `asking` finds asked for, in the order in which they must be written in a new cgroup.
 * Throws HoyError for contradictory memory and swap.
 */
export function* v1Limits(resources: Resources, asking: Asking = asked): Generator<Limit> {
  if (resources.memory) yield* memory(resources.memory, asking);
  if (resources.cpu) yield* cpu(resources.cpu, asking);
  const processes = resources.pids?.limit;
  if (asking(processes)) yield { controller: "pids", file: "pids.max", value: orMax(processes), subject: "pids" };
  if (resources.blockIO) yield* blkio(resources.blockIO);
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    yield { controller: "hugetlb", file: `hugetlb.${pageSize}.limit_in_bytes`, value: `${limit}`, subject: "hugetlb" };
  }
  if (asked(resources.network?.classID)) {
    yield { controller: "net_cls", file: "net_cls.classid", value: `${resources.network.classID}`, subject: "network" };
  }
  for (const { name, priority } of resources.network?.priorities ?? []) {
    yield { controller: "net_prio", file: "net_prio.ifpriomap", value: `${name} ${priority}`, subject: "network" };
  }
  yield* rdmaLimits(resources);
  for (const file of Object.keys(resources.unified ?? {})) {
    const unsupported = "cgroup v1 has no such files";
    yield { controller: file.slice(0, file.indexOf(".")), file, value: "", subject: "unified", unsupported };
  }
}

/** So is `rdma.max`. */
export function* rdmaLimits(resources: Resources): Generator<Limit> {
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma ?? {})) {
    const parts = [device];
    if (hcaHandles !== undefined) parts.push(`hca_handle=${hcaHandles}`);
    if (hcaObjects !== undefined) parts.push(`hca_object=${hcaObjects}`);
    if (parts.length > 1) yield { controller: "rdma", file: "rdma.max", value: parts.join(" "), subject: "rdma" };
  }
}
