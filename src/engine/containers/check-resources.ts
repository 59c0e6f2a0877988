/** Limits that contradict each other or this host (moby daemon/daemon_unix.go, verifyPlatformContainerResources). */
import type { ResourceConfig } from "./options.ts";
import { checkCpus, checkCpuset, checkCpuTimes, checkMemset } from "./parse/cpus.ts";
import { invalid } from "./parse/invalid.ts";
import { checkMemory, checkReservation } from "./parse/memory.ts";

export interface ResourceFacts {
  hostCpus: number;
  /** Lists of the CPUs and memory nodes that the host offers, `0-3`; asked for --cpuset-cpus and --cpuset-mems alone. */
  onlineCpus: () => string;
  onlineNodes: () => string;
}

/** Throws HoyError in Docker's words. */
export function checkResources(asked: ResourceConfig, { hostCpus, onlineCpus, onlineNodes }: ResourceFacts): void {
  checkMemory(asked.Memory, asked.MemorySwap);
  checkReservation(asked);
  checkCpuTimes(asked);
  checkCpus(asked.NanoCpus, hostCpus);
  if (asked.CpusetCpus) checkCpuset(asked.CpusetCpus, onlineCpus());
  if (asked.CpusetMems) checkMemset(asked.CpusetMems, onlineNodes());
  if (asked.BlkioWeight !== 0 && (asked.BlkioWeight < 10 || asked.BlkioWeight > 1000))
    throw invalid("range of blkio weight is from 10 to 1000");
}
