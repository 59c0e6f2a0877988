/** Limits as `linux.resources` of the spec has them (moby daemon/daemon_unix.go getMemoryResources, getCPUResources, getPidsLimit). */
import type { BlockIO, Resources } from "../../spec/runtime.ts";
import type { ResourceConfig } from "./options.ts";

/** Microseconds of the period that --cpus is counted in. */
const CPU_PERIOD = 100_000;

/** A block I/O device's numbers. */
export type DeviceNumbers = (path: string) => { major: number; minor: number };

/** The part of `object` that says something; undefined when nothing does. */
function said<T extends object>(object: T): T | undefined {
  return Object.keys(object).length > 0 ? object : undefined;
}

/** Only what was asked for appears. `numbers` looks a device up; it is asked for devices that the limits name alone. */
export function resources(host: ResourceConfig, numbers: DeviceNumbers): Resources {
  const memory = said({
    ...(host.Memory > 0 ? { limit: host.Memory } : {}),
    ...(host.MemoryReservation > 0 ? { reservation: host.MemoryReservation } : {}),
    ...(host.MemorySwap !== 0 ? { swap: host.MemorySwap } : {}),
    ...(host.MemorySwappiness === null ? {} : { swappiness: host.MemorySwappiness }),
    ...(host.OomKillDisable ? { disableOOMKiller: true } : {}),
  });
  const cpu = said({
    ...(host.CpuShares > 0 ? { shares: host.CpuShares } : {}),
    ...(host.NanoCpus > 0 ? { quota: Math.trunc((host.NanoCpus / 1e9) * CPU_PERIOD), period: CPU_PERIOD } : {}),
    ...(host.CpuPeriod > 0 ? { period: host.CpuPeriod } : {}),
    ...(host.CpuQuota !== 0 ? { quota: host.CpuQuota } : {}),
    ...(host.CpuRealtimePeriod > 0 ? { realtimePeriod: host.CpuRealtimePeriod } : {}),
    ...(host.CpuRealtimeRuntime > 0 ? { realtimeRuntime: host.CpuRealtimeRuntime } : {}),
    ...(host.CpusetCpus ? { cpus: host.CpusetCpus } : {}),
    ...(host.CpusetMems ? { mems: host.CpusetMems } : {}),
  });
  const blockIO = said(blockIo(host, numbers));
  return {
    ...(memory ? { memory } : {}),
    ...(cpu ? { cpu } : {}),
    ...(host.PidsLimit === null ? {} : { pids: { limit: host.PidsLimit } }),
    ...(blockIO ? { blockIO } : {}),
  };
}

const RATES = [
  ["BlkioDeviceReadBps", "throttleReadBpsDevice"],
  ["BlkioDeviceWriteBps", "throttleWriteBpsDevice"],
  ["BlkioDeviceReadIOps", "throttleReadIOPSDevice"],
  ["BlkioDeviceWriteIOps", "throttleWriteIOPSDevice"],
] as const;

function blockIo(host: ResourceConfig, numbers: DeviceNumbers): BlockIO {
  const io: BlockIO = {};
  if (host.BlkioWeight > 0) io.weight = host.BlkioWeight;
  const weights = host.BlkioWeightDevice.map(({ Path, Weight }) => ({ ...numbers(Path), weight: Weight }));
  if (weights.length > 0) io.weightDevice = weights;
  for (const [field, name] of RATES) {
    const rates = host[field].map(({ Path, Rate }) => ({ ...numbers(Path), rate: Rate }));
    if (rates.length > 0) io[name] = rates;
  }
  return io;
}
