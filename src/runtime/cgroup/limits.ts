/** A limit as a request on a controller's file, before it is known which directory serves it; and the errors about limits. */
import { HoyError } from "../../spec/error.ts";

/** What is limited in words, with the flag or field of the spec that asked for it. */
export const subjects = {
  memory: ["memory", "--memory"],
  swap: ["swap", "--memory-swap"],
  reservation: ["memory reservation", "--memory-reservation"],
  swappiness: ["swappiness", "--memory-swappiness"],
  oomKiller: ["the OOM killer", "--oom-kill-disable"],
  kernelTCP: ["TCP buffers", "memory.kernelTCP"],
  cpuShares: ["CPU shares", "--cpu-shares"],
  cpus: ["CPU time", "--cpus"],
  cpuBurst: ["CPU burst", "cpu.burst"],
  cpuIdle: ["CPU idle priority", "cpu.idle"],
  realtime: ["realtime CPU time", "--cpu-rt-runtime"],
  cpuset: ["CPUs", "--cpuset-cpus"],
  memset: ["memory nodes", "--cpuset-mems"],
  pids: ["processes", "--pids-limit"],
  blkio: ["block I/O", "--blkio-weight"],
  throttle: ["block I/O rates", "--device-read-bps and its like"],
  hugetlb: ["huge pages", "hugepageLimits"],
  network: ["network class", "resources.network"],
  rdma: ["RDMA", "resources.rdma"],
  devices: ["devices", "--device"],
  unified: ["cgroup v2 values", "resources.unified"],
} as const satisfies Record<string, readonly [what: string, flag: string]>;

export type Subject = keyof typeof subjects;

/** A value for one file of one controller. */
export interface Limit {
  controller: string;
  file: string;
  value: string;
  subject: Subject;
  /** Written when the kernel has no `file` (another I/O scheduler, for example). */
  instead?: { file: string; value: string };
  /** The kernel may lack the file: the limit follows from another one and was not asked for. */
  missingOk?: boolean;
  /** This cgroup version has nothing of the kind, and why. */
  unsupported?: string;
}

/** `memory (--memory)` */
export const describe = (subject: Subject): string => `${subjects[subject][0]} (${subjects[subject][1]})`;

export const cannotLimit = (subject: Subject, why: string, hint?: string): HoyError =>
  new HoyError(`cannot limit ${describe(subject)}: ${why}`, hint === undefined ? {} : { hint });

/** Which numbers ask for something. */
export type Asking = (value: number | undefined) => value is number;

/** For a new cgroup: 0 and negative ones say "not limited" in the OCI spec and in Docker's flags. */
export const asked: Asking = (value): value is number => value !== undefined && value > 0;

/** For one that may have limits already: -1 lifts one. */
export const askedAnew: Asking = (value): value is number => value !== undefined;

/** The same for Docker's flags, where 0 says "not given". */
export const askedOrLifted: Asking = (value): value is number => asked(value) || value === -1;

/** cgroup v2's word for no limit; v1's files of bytes and times take -1. */
export const orMax = (value: number): string => (value < 0 ? "max" : `${value}`);

/** `memory` and `memory and swap together` as the spec gives them; throws HoyError where they contradict each other. */
export function checkSwap(memory: number | undefined, swap: number | undefined): void {
  if (!asked(swap)) return;
  if (!asked(memory)) {
    if (memory === -1) return;
    throw cannotLimit("swap", "it counts memory and swap together, so it needs a limit on memory (--memory) too");
  }
  if (swap < memory) throw cannotLimit("swap", `it counts memory and swap together: ${swap} is below the memory limit of ${memory} bytes`);
}

/**
 * Docker's default for `-m` alone is as much swap again: nobody asked for that, so a kernel without swap accounting may skip it.
 * So it may where a limit is lifted.
 */
export const impliedSwap = (memory: number | undefined, swap: number): boolean => swap < 0 || (asked(memory) && swap === memory * 2);
