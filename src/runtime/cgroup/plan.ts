/**
 * The cgroups of a container as data: which directories, which values, who joins what. Pure; act.ts carries it out.
 *
 *     <base>/<parent>/monitors   every monitor of the store: no limits, out of reach of its containers' kill and freeze
 *     <base>/<parent>/<id>       the payload of one container, with its limits
 *
 * in each hierarchy that we may write; with `--cgroup-parent` the payload lies below that one in place of the store's, and where
 * systemd runs in a scope that it made (runtime/systemd). A monitor that cleans up after its own container executes hoy inside its
 * cgroup, so a cgroup of its own could never be removed by it: hence one for all. <base> is the mountpoint for root and the highest
 * delegated cgroup for a user.
 */
import { HoyError } from "../../spec/error.ts";
import type { Resources } from "../../spec/runtime.ts";
import { deviceProgram } from "./device-program.ts";
import { deviceList, isUnlimited, v1DeviceWrites } from "./devices.ts";
import type { CgroupHost } from "./host.ts";
import { asked, askedAnew, cannotLimit, type Limit, type Subject } from "./limits.ts";
import { v1Limits } from "./v1.ts";
import { v2Limits } from "./v2.ts";

/** One write(2) of `value` to `path`. */
export interface CgroupWrite {
  path: string;
  value: string;
  /** For the error's words. */
  subject: Subject;
  instead?: { path: string; value: string };
  /** A file that the kernel does not have is no error. */
  missingOk?: boolean;
}

/** A step that makes a directory able to hold processes or limits. */
export type PrepareStep =
  /** v1 cpuset: a new cgroup has no CPUs, and takes no process before it has: copied from the parent if still empty. */
  | { kind: "copy"; path: string; from: string }
  /** v2: hands controllers down to the children; one that is not needed may fail. */
  | { kind: "enable"; path: string; controllers: string[]; needed: Subject | null }
  | { kind: "write"; path: string; value: string };

/** What containers of a store share in one hierarchy. `monitors` is made last: where it exists, all of it is done. */
export interface SharedDirectory {
  parents: string[];
  prepare: PrepareStep[];
  /** Absent for `hoy runtime`, which has none. */
  monitors?: string;
}

export interface MonitorPlan {
  shared: SharedDirectory[];
  /** v1 `tasks` files: a single-threaded process writes "0" into each to move itself. */
  join: string[];
  /** v2 directory for CLONE_INTO_CGROUP. */
  into?: string;
}

export interface CgroupPlan {
  monitor: MonitorPlan;
  /** The user's parent in each hierarchy; absent below the store's own. It stays when the container goes, as with Docker. */
  above?: Omit<SharedDirectory, "monitors">[];
  /** The payload's directories, one in each hierarchy; all gone after removal. Empty: no cgroups for this container. */
  directories: string[];
  prepare: PrepareStep[];
  limits: CgroupWrite[];
  /** v2's device rules, attached by createCgroup. */
  devices?: { directory: string; program: Uint8Array };
  payloadJoin: string[];
  payloadInto?: string;
  /** rmdir in this order. */
  remove: string[];
  /** A scope of systemd's around the payload, all of which goes when the cgroup is removed. */
  scope?: string;
  /** v2's `cgroup.kill` (5.14). */
  kill?: string;
  /** A file that lists the payload's processes. */
  procs?: string;
  freeze?: { path: string; on: string; off: string };
  /** A file whose `oom_kill` counts the processes killed for want of memory. */
  oom?: string;
}

export interface CgroupRequest {
  /** The store's name, or `--cgroup-parent`. */
  parent: string;
  /** The store's name, where the parent is another. */
  store?: string;
  id: string;
  resources?: Resources | undefined;
  /** An ordinary user, or root of a user namespace: no device rules (mknod is refused there anyhow). */
  rootless: boolean;
}

/** Handed down in any case where available, so that use can be measured and limits be set later. */
const USUAL = ["cpu", "io", "memory", "pids"];

const MONITORS = "monitors";

/** Without slashes around it; "/" is the root of the hierarchies, and gives "". */
function cleanParent(parent: string): string {
  const parts = parent.split("/").filter((part) => part !== "" && part !== ".");
  if (parent === "" || parts.includes("..")) throw new HoyError(`"${parent}" is not a usable cgroup parent`);
  return parts.join("/");
}

const below = (base: string, parent: string): string => (parent === "" ? base : `${base}/${parent}`);

/** Every folder from below `base` down to `base/parent`. */
function parentsOf(base: string, parent: string): string[] {
  const parts = parent.split("/").filter(Boolean);
  return parts.map((_, at) => `${base}/${parts.slice(0, at + 1).join("/")}`);
}

/** The part that is independent of the container, so that the monitor can start before anything else is known. */
export function planMonitors(host: CgroupHost, parent: string): MonitorPlan {
  const clean = cleanParent(parent);
  const plan: MonitorPlan = { shared: [], join: [] };
  for (const { controllers, base } of host.v1) {
    if (base === null) continue;
    const parents = parentsOf(base, clean);
    const monitors = `${below(base, clean)}/${MONITORS}`;
    plan.shared.push({ parents, prepare: controllers.includes("cpuset") ? fillCpusets(base, parents) : [], monitors });
    plan.join.push(`${monitors}/tasks`);
  }
  const v2 = host.v2;
  if (v2?.base) {
    const parents = parentsOf(v2.base, clean);
    const controllers = v2.controllers.filter((controller) => USUAL.includes(controller));
    const prepare = controllers.length === 0 ? [] : handDown([v2.base, ...parents], controllers, null);
    plan.into = `${below(v2.base, clean)}/${MONITORS}`;
    plan.shared.push({ parents, prepare, monitors: plan.into });
  }
  return plan;
}

/** With clone_children the kernel gives each new child its parent's CPUs: cheaper than two writes per container. */
function fillCpusets(base: string, folders: string[]): PrepareStep[] {
  return folders.flatMap((folder, at): PrepareStep[] => {
    const above = at === 0 ? base : (folders[at - 1] as string);
    return [...copyCpuset(folder, above), { kind: "write", path: `${folder}/cgroup.clone_children`, value: "1" }];
  });
}

const copyCpuset = (folder: string, above: string): PrepareStep[] =>
  ["cpuset.cpus", "cpuset.mems"].map((file) => ({ kind: "copy", path: `${folder}/${file}`, from: `${above}/${file}` }));

const handDown = (folders: string[], controllers: string[], needed: Subject | null): PrepareStep[] =>
  folders.map((folder) => ({ kind: "enable", path: `${folder}/cgroup.subtree_control`, controllers, needed }));

/**
 * The whole plan for one container. Throws HoyError for a limit whose controller is missing or not delegated, and for one that
 * the cgroup version cannot express. Without any cgroup to write to and no limit asked for, the plan is empty.
 */
export function planCgroup(host: CgroupHost, request: CgroupRequest): CgroupPlan {
  const { parent, id, store = parent, resources = {}, rootless } = request;
  const plan = locateCgroup(host, parent, id);
  const leaves = leavesOf(host, cleanParent(parent), id);
  if (cleanParent(parent) !== cleanParent(store)) addParent(plan, host, request);
  const cpuset = leaves.get("cpuset");
  if (cpuset !== undefined) plan.prepare.push(...copyCpuset(cpuset, cpuset.slice(0, cpuset.lastIndexOf("/"))));
  addLimits(plan, host, request, leaves);
  if (!rootless) addDevices(plan, leaves.get("devices"), resources);
  return plan;
}

/** Makes the user's parent able to hold containers; what it says already stays. */
function addParent(plan: CgroupPlan, host: CgroupHost, { parent, store = parent }: CgroupRequest): void {
  const clean = cleanParent(parent);
  const own = cleanParent(store);
  if (clean.startsWith(`${own}/`)) throw new HoyError(`--cgroup-parent ${parent}: what lies below ${own} is hoy's own`, { status: 400 });
  if (plan.directories.length === 0)
    throw new HoyError(`--cgroup-parent ${parent}: there is no cgroup that hoy may write to`, { status: 400 });
  plan.monitor = planMonitors(host, own);
  plan.above = [];
  for (const { controllers, base } of host.v1) {
    if (base === null) continue;
    const parents = parentsOf(base, clean);
    const fill = parents.flatMap((folder) => copyCpuset(folder, folder.slice(0, folder.lastIndexOf("/"))));
    plan.above.push({ parents, prepare: controllers.includes("cpuset") ? fill : [] });
  }
  if (host.v2?.base) {
    const parents = parentsOf(host.v2.base, clean);
    const controllers = host.v2.controllers.filter((controller) => USUAL.includes(controller));
    plan.above.push({ parents, prepare: controllers.length === 0 ? [] : handDown([host.v2.base, ...parents], controllers, null) });
  }
}

/** The v1 controllers that we may use, and the payload's directory of each. */
function leavesOf(host: CgroupHost, parent: string, id: string): Map<string, string> {
  const leaves = new Map<string, string>();
  for (const { controllers, base } of host.v1) {
    if (base !== null) for (const controller of controllers) leaves.set(controller, `${below(base, parent)}/${id}`);
  }
  return leaves;
}

/** The payload's directory of each v1 controller, and that of v2. */
export const cgroupPlaces = (
  host: CgroupHost,
  parent: string,
  id: string,
): { v1: ReadonlyMap<string, string>; v2: string | undefined } => ({
  v1: leavesOf(host, cleanParent(parent), id),
  v2: locateCgroup(host, parent, id).payloadInto,
});

/** Where a container's cgroups lie, with no limits and nothing to prepare: to join, watch, freeze, kill and remove them. */
export function locateCgroup(host: CgroupHost, parent: string, id: string): CgroupPlan {
  if (id === "" || id === "." || id === ".." || id === MONITORS || id.includes("/")) throw new HoyError(`"${id}" cannot name a cgroup`);
  const clean = cleanParent(parent);
  const directories = host.v1.flatMap(({ base }) => (base === null ? [] : [`${below(base, clean)}/${id}`]));
  const payloadJoin = directories.map((directory) => `${directory}/tasks`);
  const plan: CgroupPlan = { monitor: planMonitors(host, parent), directories, prepare: [], limits: [], payloadJoin, remove: [] };
  if (host.v2?.base) {
    plan.payloadInto = `${below(host.v2.base, clean)}/${id}`;
    plan.directories.push(plan.payloadInto);
    plan.kill = `${plan.payloadInto}/cgroup.kill`;
  }
  plan.remove = plan.directories.toReversed();
  addObservation(plan, leavesOf(host, clean, id), host);
  return plan;
}

const v1Name = (controller: string): string => (controller === "io" ? "blkio" : controller);

/** What changes in the cgroup of a container that runs; device rules are left as they are. Throws HoyError. */
export function planUpdate(host: CgroupHost, request: CgroupRequest, asking = askedAnew): Pick<CgroupPlan, "prepare" | "limits"> {
  const plan = locateCgroup(host, request.parent, request.id);
  addLimits(plan, host, request, leavesOf(host, cleanParent(request.parent), request.id), asking);
  return plan;
}

function addLimits(plan: CgroupPlan, host: CgroupHost, request: CgroupRequest, leaves: Map<string, string>, asking = asked): void {
  const { resources = {} } = request;
  const serves = host.v2?.controllers ?? [];
  const write = (leaf: string, limit: Limit): void => {
    if (limit.unsupported !== undefined) throw cannotLimit(limit.subject, limit.unsupported);
    const { subject, value } = limit;
    const one: CgroupWrite = { path: `${leaf}/${limit.file}`, value, subject };
    if (limit.instead) one.instead = { path: `${leaf}/${limit.instead.file}`, value: limit.instead.value };
    if (limit.missingOk) one.missingOk = true;
    plan.limits.push(one);
  };
  const onV1 = host.mode === "v1" || host.mode === "hybrid";
  if (onV1) {
    for (const limit of v1Limits(resources, asking)) {
      const leaf = leaves.get(limit.controller);
      if (leaf !== undefined) write(leaf, limit);
      else if (limit.unsupported !== undefined) throw cannotLimit(limit.subject, limit.unsupported);
      else if (!plan.payloadInto || !serves.some((controller) => v1Name(controller) === limit.controller))
        throw missing(host, request, limit);
    }
  }
  for (const limit of v2Limits(resources, asking)) {
    // On a hybrid host a controller lies in one hierarchy alone; what v1 has was written above.
    if (onV1 && (limit.subject === "unified" || leaves.has(v1Name(limit.controller)) || !serves.includes(limit.controller))) continue;
    if (limit.unsupported !== undefined) throw cannotLimit(limit.subject, limit.unsupported);
    const core = limit.controller === "cgroup";
    if (!plan.payloadInto || !(core || serves.includes(limit.controller))) throw missing(host, request, limit);
    write(plan.payloadInto, limit);
    const base = host.v2?.base;
    if (core || !base) continue;
    const known = plan.prepare.some((step) => step.kind === "enable" && step.controllers.includes(limit.controller));
    if (!known) plan.prepare.push(...handDown([base, ...parentsOf(base, cleanParent(request.parent))], [limit.controller], limit.subject));
  }
}

function missing(host: CgroupHost, { rootless }: CgroupRequest, limit: Limit): HoyError {
  const { controller, subject } = limit;
  if (host.mode === "none") return cannotLimit(subject, "no cgroup file system is mounted", "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  const v2 = host.mode === "v2" ? host.v2 : undefined;
  const v1 = host.v1.find(({ controllers }) => controllers.includes(controller));
  const exists = v2 ? v2.base === null && v2.controllers.includes(controller) : v1 !== undefined;
  const place = v2 ? (v2.base ?? v2.mountpoint + v2.ownPath) : (v1?.mountpoint ?? "this host");
  if (exists && !rootless)
    return cannotLimit(subject, `${place} is read-only`, "mount the cgroup file system writable, or leave the limit out");
  const why = `the ${controller} controller is not available in cgroup ${place}`;
  if (rootless) {
    const hint = v2
      ? `rootless limits need delegation: a user session of systemd with Delegate=${controller} set for user@.service`
      : "rootless limits need cgroup v2 with delegation: boot with systemd.unified_cgroup_hierarchy=1";
    return cannotLimit(subject, why, hint);
  }
  return cannotLimit(subject, why, `the kernel was built or booted without it: see /proc/cgroups and cgroup_disable= in /proc/cmdline`);
}

function addDevices(plan: CgroupPlan, v1Leaf: string | undefined, resources: Resources): void {
  const list = deviceList(resources.devices ?? []);
  if (isUnlimited(list)) return;
  if (v1Leaf !== undefined) {
    for (const { file, value } of v1DeviceWrites(list)) plan.limits.push({ path: `${v1Leaf}/${file}`, value, subject: "devices" });
  } else if (plan.payloadInto) {
    plan.devices = { directory: plan.payloadInto, program: deviceProgram(list) };
  }
}

function addObservation(plan: CgroupPlan, leaves: Map<string, string>, host: CgroupHost): void {
  const first = plan.payloadInto ?? plan.directories[0];
  if (first !== undefined) plan.procs = `${first}/cgroup.procs`;
  const freezer = leaves.get("freezer");
  if (freezer !== undefined) plan.freeze = { path: `${freezer}/freezer.state`, on: "FROZEN", off: "THAWED" };
  else if (plan.payloadInto) plan.freeze = { path: `${plan.payloadInto}/cgroup.freeze`, on: "1", off: "0" };
  const memory = leaves.get("memory");
  if (memory !== undefined) plan.oom = `${memory}/memory.oom_control`;
  else if (plan.payloadInto && host.v2?.controllers.includes("memory")) plan.oom = `${plan.payloadInto}/memory.events`;
}
