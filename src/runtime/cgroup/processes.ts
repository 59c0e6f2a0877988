/** Who is in a container's cgroup. */
import { readFileSync } from "node:fs";
import type { CgroupPlan } from "./plan.ts";

/** Processes of the container, those in cgroups that it made itself too. */
export function processes({ procs }: Pick<CgroupPlan, "procs">): number[] {
  if (procs === undefined) return [];
  const read = (path: string): number[] =>
    readFileSync(path, "latin1")
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0);
  const folder = procs.slice(0, procs.lastIndexOf("/"));
  try {
    return [...new Bun.Glob("**/cgroup.procs").scanSync({ cwd: folder })].flatMap((path) => read(`${folder}/${path}`));
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
