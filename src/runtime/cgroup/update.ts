/** Changes limits of a running container: all of them, or none. */
import { readFileSync } from "node:fs";
import { put, run, writeLimits } from "./act.ts";
import type { CgroupPlan, CgroupWrite } from "./plan.ts";

/** Throws HoyError for a limit that the kernel refuses; those that were written before it are as they were then. */
export function updateCgroup({ prepare, limits }: Pick<CgroupPlan, "prepare" | "limits">): void {
  for (const step of prepare) run(step);
  const writes = inOrder(limits, current);
  const before = writes.map(({ path }) => ({ path, value: current(path) }));
  try {
    writeLimits(writes);
  } catch (error) {
    for (const { path, value } of before.toReversed()) if (value !== undefined) put(path, value);
    throw error;
  }
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return undefined; // the write will tell
  }
}

const MEMORY = "memory.limit_in_bytes";
const MEMORY_AND_SWAP = "memory.memsw.limit_in_bytes";
const find = (writes: readonly CgroupWrite[], file: string): CgroupWrite | undefined =>
  writes.find(({ path }) => path.endsWith(`/${file}`));

/**
 * v1 never lets the limit on both together be below the one on memory. One that is above what memory may be now can come first,
 * whether memory is raised or lowered; else both are lowered, and memory comes first.
 */
export function inOrder(writes: readonly CgroupWrite[], read: (path: string) => string | undefined): CgroupWrite[] {
  const memory = find(writes, MEMORY);
  const both = find(writes, MEMORY_AND_SWAP);
  if (!memory || !both) return [...writes];
  const raised = both.value === "-1" || Number(both.value) > Number(read(memory.path));
  const rest = writes.filter((write) => write !== memory && write !== both);
  return [...(raised ? [both, memory] : [memory, both]), ...rest];
}
