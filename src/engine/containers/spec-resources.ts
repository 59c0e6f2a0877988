/** Limits as `linux.resources` of the spec has them (moby daemon/daemon_unix.go getMemoryResources, getCPUResources, getPidsLimit). */
import type { Resources } from "../../spec/runtime.ts";
import type { HostConfig } from "./options.ts";

/** Microseconds of the period that --cpus is counted in. */
const CPU_PERIOD = 100_000;

/** Only what was asked for appears. */
export function resources(
  host: Pick<HostConfig, "Memory" | "MemorySwap" | "NanoCpus" | "CpuShares" | "CpusetCpus" | "PidsLimit">,
): Resources {
  const memory = {
    ...(host.Memory > 0 ? { limit: host.Memory } : {}),
    ...(host.MemorySwap !== 0 ? { swap: host.MemorySwap } : {}),
  };
  const cpu = {
    ...(host.CpuShares > 0 ? { shares: host.CpuShares } : {}),
    ...(host.NanoCpus > 0 ? { quota: Math.trunc((host.NanoCpus / 1e9) * CPU_PERIOD), period: CPU_PERIOD } : {}),
    ...(host.CpusetCpus ? { cpus: host.CpusetCpus } : {}),
  };
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(host.PidsLimit === null ? {} : { pids: { limit: host.PidsLimit } }),
  };
}
