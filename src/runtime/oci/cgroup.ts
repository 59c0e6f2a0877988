/** The cgroup of a container of `hoy runtime`: where linux.cgroupsPath says (config-linux.md, "Cgroups Path"), without monitors. */
import { writeFileSync } from "../../../ffi/fs.ts";
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { type CgroupHost, detectCgroups } from "../cgroup/host.ts";
import { type CgroupPlan, locateCgroup, planCgroup } from "../cgroup/plan.ts";
import { leaveToSystemd } from "../systemd/host.ts";
import type { ContainerRecord } from "./record.ts";

/** `/a/b/c` lies below the root of the hierarchies, or the highest cgroup that we may write; without a path the id does. */
export function cgroupPlace(spec: Spec, id: string): { parent: string; id: string } {
  const path = spec.linux?.cgroupsPath || id;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || parts.length === 0) throw new HoyError(`linux.cgroupsPath: ${path} is not the path of a cgroup`);
  if (/^[^/]*\.slice:[^/:]*:[^/:]+$/.test(path))
    throw new HoyError(`linux.cgroupsPath: ${path} is a unit of systemd`, {
      hint: "give --systemd-cgroup before the command, or a path",
    });
  return { parent: `/${parts.slice(0, -1).join("/")}`, id: parts.at(-1) as string };
}

const withoutMonitors = (plan: CgroupPlan): CgroupPlan => ({
  ...plan,
  monitor: { join: [], shared: plan.monitor.shared.map(({ parents, prepare }) => ({ parents, prepare })) },
});

export function planContainerCgroup(spec: Spec, place: NonNullable<ContainerRecord["cgroup"]>, rootless: boolean): CgroupPlan {
  const plan = withoutMonitors(planCgroup(detectCgroups(), { ...place, resources: spec.linux?.resources, rootless }));
  return place.unit ? leaveToSystemd(plan, plan.payloadInto) : plan;
}

const NONE: CgroupPlan = { monitor: { join: [], shared: [] }, directories: [], prepare: [], limits: [], payloadJoin: [], remove: [] };

/** To join, watch, freeze, kill and remove what is there. */
export const locateContainerCgroup = ({ cgroup }: ContainerRecord, host: CgroupHost = detectCgroups()): CgroupPlan =>
  cgroup ? withoutMonitors(locateCgroup(host, cgroup.parent, cgroup.id)) : NONE;

/** Moves a process from outside: the kernel may take some milliseconds for the first on v1. */
export function attachProcess(plan: CgroupPlan, pid: number): void {
  for (const directory of plan.directories) {
    if (directory === plan.payloadInto) continue;
    writeFileSync(`${directory}/cgroup.procs`, String(pid));
  }
}
