/** The limits that run, create and update have in common. */
import type { FlagDefs } from "../define.ts";

export const limitFlags = {
  "blkio-weight": { type: "int", description: "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)" },
  "cpu-period": { type: "int", description: "Limit CPU CFS (Completely Fair Scheduler) period" },
  "cpu-quota": { type: "int", description: "Limit CPU CFS (Completely Fair Scheduler) quota" },
  "cpu-rt-period": { type: "int", description: "Limit the CPU real-time period in microseconds" },
  "cpu-rt-runtime": { type: "int", description: "Limit the CPU real-time runtime in microseconds" },
  "cpu-shares": { type: "int", alias: "c", description: "CPU shares (relative weight)" },
  cpus: { type: "decimal", description: "Number of CPUs" },
  "cpuset-cpus": { type: "string", description: "CPUs in which to allow execution (0-3, 0,1)" },
  "cpuset-mems": { type: "string", description: "MEMs in which to allow execution (0-3, 0,1)" },
  memory: { type: "bytes", alias: "m", description: "Memory limit" },
  "memory-reservation": { type: "bytes", description: "Memory soft limit" },
  "memory-swap": { type: "bytes", description: "Swap limit equal to memory plus swap: '-1' to enable unlimited swap" },
  "pids-limit": { type: "int", description: "Tune container pids limit (set -1 for unlimited)" },
} as const satisfies FlagDefs;
