/** Changes the limits of a cgroup that has some already, all of them or none. */

import { EINVAL } from "../../../ffi/errno.ts";
import { readFileSync } from "../../../ffi/fs.ts";
import { put, refused, run, writeLimit } from "./act.ts";
import type { CgroupPlan, CgroupWrite } from "./plan.ts";

/** What the file says now; undefined where it lists more than one value, which cannot be written back as it is. */
function present(path: string): string | undefined {
  try {
    const text = readFileSync(path, "latin1").trim();
    return text === "" || text.includes("\n") ? undefined : text;
  } catch {
    return undefined; // the kernel has no such file: the write will tell
  }
}

/**
 * Writes the limits. Those that depend on each other (memory and swap, period, quota and burst) are refused with EINVAL until the
 * other one has made place, whichever way both move: what was refused is tried again as long as another was taken meanwhile.
 * Throws HoyError, with what was before written back.
 */
export function updateCgroup({ prepare, limits }: Pick<CgroupPlan, "prepare" | "limits">): void {
  for (const step of prepare) run(step);
  const before = limits.map(({ path }) => [path, present(path)] as const);
  try {
    writeAll(limits);
  } catch (error) {
    for (let pass = 0; pass < 2; pass++) for (const [path, value] of before) if (value !== undefined) put(path, value);
    throw error;
  }
}

function writeAll(limits: readonly CgroupWrite[]): void {
  const later: CgroupWrite[] = [];
  for (const limit of limits) {
    const result = writeLimit(limit, put);
    if (result === -EINVAL) later.push(limit);
    else if (result !== 0) throw refused(limit, result);
  }
  const [first] = later;
  if (first && later.length === limits.length) throw refused(first, -EINVAL);
  if (first) writeAll(later);
}
