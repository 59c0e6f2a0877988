/** Whether systemd runs the machine's cgroups, and which of its managers is ours. */
import { existsSync } from "../../../ffi/fs.ts";
import type { CgroupHost } from "../cgroup/host.ts";
import type { CgroupPlan, PrepareStep } from "../cgroup/plan.ts";

/** sd_booted(3). */
export const systemdRuns = (): boolean => existsSync("/run/systemd/system");

/** Version of the interface that carries the controllers: a hybrid host has them in v1. */
export const cgroupVersion = ({ mode }: CgroupHost): 1 | 2 => (mode === "v2" ? 2 : 1);

/** What systemd hands down by itself where something is delegated. */
const MANAGED = ["cpu", "cpuset", "io", "memory", "pids"];

/** A step with systemd's own controllers left out, above `folder`: what happens there is systemd's to say. */
function without(step: PrepareStep, folder: string | undefined): PrepareStep[] {
  if (step.kind !== "enable" || (folder !== undefined && step.path.startsWith(`${folder}/`))) return [step];
  const controllers = step.controllers.filter((controller) => !MANAGED.includes(controller));
  return controllers.length === 0 ? [] : [{ ...step, controllers }];
}

/** The plan for a cgroup inside a unit of systemd's, whose v2 folder is given; below that folder all is ours. */
export function leaveToSystemd<T extends Pick<CgroupPlan, "prepare"> & Partial<CgroupPlan>>(plan: T, folder: string | undefined): T {
  const prepared = <S extends { prepare: PrepareStep[] }>(shared: S): S => ({
    ...shared,
    prepare: shared.prepare.flatMap((step) => without(step, folder)),
  });
  return {
    ...prepared(plan),
    ...(plan.above ? { above: plan.above.map(prepared) } : {}),
    ...(plan.monitor ? { monitor: { ...plan.monitor, shared: plan.monitor.shared.map(prepared) } } : {}),
  };
}
