/** `update`: other limits for a container that runs, or waits for its start. */
import { readFileSync } from "../../../ffi/fs.ts";
import { HoyError } from "../../spec/error.ts";
import type { Resources } from "../../spec/runtime.ts";
import { detectCgroups } from "../cgroup/host.ts";
import { cannotLimit } from "../cgroup/limits.ts";
import { locateCgroup, planUpdate } from "../cgroup/plan.ts";
import { updateCgroup } from "../cgroup/update.ts";
import { leaveToSystemd } from "../systemd/host.ts";
import { findContainer } from "./list.ts";
import { folderOf, lockFolder, writeSpec } from "./record.ts";
import { inUserNamespace } from "./user.ts";

/** Of a group's members, those that are given and say something: 0 and "" leave what is. */
const given = <T extends object>(group: T | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(group ?? {}).filter(([, value]) => value !== 0 && value !== "" && value !== undefined)) as Partial<T>;

/** A burst of 0 and an idle of 0 are values of their own. */
function cpuOf(cpu: Resources["cpu"]): NonNullable<Resources["cpu"]> {
  const { burst, idle } = cpu ?? {};
  return { ...given(cpu), ...(burst === undefined ? {} : { burst }), ...(idle === undefined ? {} : { idle }) };
}

function memoryOf(memory: Resources["memory"]): NonNullable<Resources["memory"]> {
  const { swappiness, checkBeforeUpdate, limit, swap } = memory ?? {};
  return {
    ...given(memory),
    ...(swappiness === undefined ? {} : { swappiness }),
    ...(checkBeforeUpdate === undefined ? {} : { checkBeforeUpdate }),
    // swap counts memory too: the one cannot be limited where the other is not
    ...(limit === -1 && !swap ? { swap: -1 } : {}),
  };
}

/** The container's resources after the change. */
export function mergeResources(old: Resources, change: Resources): Resources {
  const { devices: _devices, memory, cpu, blockIO, pids, ...rest } = change;
  return {
    ...old,
    ...given(rest),
    memory: { ...old.memory, ...memoryOf(memory) },
    cpu: { ...old.cpu, ...cpuOf(cpu) },
    blockIO: { ...old.blockIO, ...given(blockIO) },
    pids: { ...old.pids, ...given(pids) },
  };
}

/** What is to be written: what changes, and values that go into one file, or have to be compared, with it. */
export function changedResources(merged: Resources, change: Resources): Resources {
  const { devices: _devices, memory, cpu, blockIO, pids, ...rest } = change;
  const swaps = memory?.limit || memory?.swap;
  const times = cpu?.quota || cpu?.period;
  return {
    ...rest,
    blockIO: given(blockIO),
    pids: given(pids),
    memory: { ...memoryOf(memory), ...(swaps ? pick(merged.memory, "limit", "swap") : {}) },
    cpu: { ...cpuOf(cpu), ...(times ? pick(merged.cpu, "quota", "period") : {}) },
  };
}

function pick<T extends object, K extends keyof T>(group: T | undefined, ...names: K[]): Partial<Pick<T, K>> {
  const found: Partial<Pick<T, K>> = {};
  for (const name of names) if (group?.[name] !== undefined) found[name] = group[name];
  return found;
}

/** memory.checkBeforeUpdate: v1 refuses a limit below what is in use by itself, v2 would kill. */
function checkUsage(directory: string | undefined, { limit, checkBeforeUpdate }: NonNullable<Resources["memory"]>): void {
  if (!checkBeforeUpdate || !limit || limit < 0 || directory === undefined) return;
  let usage: number;
  try {
    usage = Number(readFileSync(`${directory}/memory.current`, "latin1"));
  } catch {
    return; // memory is v1's here
  }
  if (usage > limit) throw cannotLimit("memory", `${limit} bytes are less than the ${usage} in use`);
}

/** Changes the limits that `change` names; the device rules of a container stay. Throws HoyError: nothing has changed then. */
export async function updateContainer(root: string, id: string, change: Resources): Promise<void> {
  const folder = folderOf(root, id);
  using _lock = lockFolder(folder);
  const { record, spec, status } = findContainer(root, id);
  if (status === "stopped") throw new HoyError("container not running", { status: 409 });
  if (!record.cgroup) throw new HoyError("cannot update: this container has no cgroup", { status: 400 });
  const merged = mergeResources(spec.linux?.resources ?? {}, change);
  const resources = changedResources(merged, change);
  const { unit } = record.cgroup;
  const host = detectCgroups();
  checkUsage(locateCgroup(host, record.cgroup.parent, record.cgroup.id).payloadInto, resources.memory ?? {});
  const plan = planUpdate(host, { ...record.cgroup, resources, rootless: inUserNamespace() });
  if (unit) {
    const { updateScope } = await import("./scope.ts");
    updateScope(unit, { before: spec.linux?.resources ?? {}, resources }, () => updateCgroup(leaveToSystemd(plan, undefined)));
  } else updateCgroup(plan);
  writeSpec(folder, { ...spec, linux: { ...spec.linux, resources: merged } });
}
