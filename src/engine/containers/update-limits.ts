/** New limits over a container's own (moby container/container_unix.go, UpdateContainer). Pure. */
import type { LimitConfig, ResourceConfig } from "./options.ts";
import { noLimits } from "./options.ts";
import { invalid } from "./parse/invalid.ts";

/** Limits that the kernel keeps in one file, or that are checked against each other: one of them changes, all are written. */
const GROUPS = [
  ["Memory", "MemorySwap"],
  ["MemoryReservation"],
  ["NanoCpus", "CpuPeriod", "CpuQuota"],
  ["CpuRealtimePeriod", "CpuRealtimeRuntime"],
  ["CpuShares"],
  ["CpusetCpus"],
  ["CpusetMems"],
  ["PidsLimit"],
  ["BlkioWeight"],
] as const satisfies readonly (readonly (keyof LimitConfig)[])[];

const isGiven = (value: LimitConfig[keyof LimitConfig]): boolean => value !== 0 && value !== "" && value !== null;

/** 0 and less is no limit on processes, also where it was asked for. */
const given = (change: LimitConfig, key: keyof LimitConfig): boolean =>
  key === "PidsLimit" ? change.PidsLimit !== null : isGiven(change[key]);

/** The container's limits with `change` over them. Throws HoyError for what excludes each other. */
export function mergeLimits<T extends LimitConfig>(own: T, change: LimitConfig): T {
  refuseConflicts(own, change);
  const merged = { ...own };
  for (const key of GROUPS.flat()) if (given(change, key)) Object.assign(merged, { [key]: change[key] });
  if (merged.PidsLimit !== null && merged.PidsLimit <= 0) merged.PidsLimit = null;
  return merged;
}

/** --cpus stands for a period and a quota: who has the one cannot be given the other. */
function refuseConflicts(own: LimitConfig, change: LimitConfig): void {
  if (change.NanoCpus > 0 && own.CpuPeriod > 0)
    throw invalid("conflicting options: Nano CPUs cannot be updated as CPU Period has already been set");
  if (change.NanoCpus > 0 && own.CpuQuota > 0)
    throw invalid("conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
  if (change.CpuPeriod > 0 && own.NanoCpus > 0)
    throw invalid("conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  if (change.CpuQuota > 0 && own.NanoCpus > 0)
    throw invalid("conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  if (change.Memory > 0 && change.MemorySwap === 0 && own.MemorySwap !== -1 && change.Memory > own.MemorySwap)
    throw invalid("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
}

/** Of the merged limits those that have to be written because of `change`. */
export function changedLimits(merged: LimitConfig, change: LimitConfig): ResourceConfig {
  const limits = noLimits();
  for (const group of GROUPS)
    if (group.some((key) => given(change, key))) for (const key of group) Object.assign(limits, { [key]: merged[key] });
  if (change.PidsLimit !== null) limits.PidsLimit = merged.PidsLimit ?? -1;
  return limits;
}
