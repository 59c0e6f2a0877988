/**
 * `start`: everything between a row and a running program. The monitor is launched first and gets ready while the rest is planned;
 * the row is committed before the program may run (DESIGN.md 2).
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { mknodAt, S_IFREG } from "../../../ffi/at.ts";
import { EEXIST } from "../../../ffi/errno.ts";
import { Fd, O_CREAT, O_DIRECTORY, O_PATH, O_RDONLY, O_RDWR, open, openInRoot, tryLock } from "../../../ffi/fd.ts";
import { createCgroup, createMonitors, removeCgroup } from "../../runtime/cgroup/act.ts";
import { type CgroupHost, detectCgroups } from "../../runtime/cgroup/host.ts";
import { planCgroupMounts } from "../../runtime/cgroup/mounts.ts";
import { type CgroupPlan, planCgroup, planMonitors } from "../../runtime/cgroup/plan.ts";
import { readInRoot } from "../../runtime/inroot.ts";
import { planInit } from "../../runtime/plan/init.ts";
import type { TerminalSize } from "../../runtime/plan/terminal.ts";
import { filterFor } from "../../runtime/seccomp/filter.ts";
import { launchMonitor, type Monitor, namespaceFlags } from "../../runtime/start.ts";
import { resolveUser } from "../../runtime/users.ts";
import { HoyError } from "../../spec/error.ts";
import { stringifyExact } from "../../spec/json.ts";
import type { Mount, Seccomp, Spec } from "../../spec/runtime.ts";
import { checkIds } from "../../state/own-ids.ts";
import type { Store } from "../../state/store.ts";
import { containerDevices } from "./devices.ts";
import { recordContainer } from "./events.ts";
import { containerFiles, writeContainerFiles } from "./files.ts";
import { type ContainerNetwork, prepareNetwork } from "./network.ts";
import { logLimits } from "./parse/log-opt.ts";
import { engineEnvironment, engineProgram } from "./program.ts";
import { mountRootfs } from "./rootfs.ts";
import { type ContainerRow, dataFolder, runFolder } from "./row.ts";
import { resolveMounts } from "./sources.ts";
import { buildSpec, type SeccompChoice } from "./spec.ts";
import { startError } from "./start-error.ts";

export interface StartRequest {
  /** The caller stays: it gets the streams, and does what follows the end. */
  attached: boolean;
  terminalSize?: TerminalSize | undefined;
  /** Called when nothing more has to be waited for and the start begins. */
  onStart?: (() => void) | undefined;
}

/** A container whose program runs. */
export interface Started {
  monitor: Monitor;
  pid: number;
}

const MAX_PASSWD = 4 << 20;

/** Starts the container. The caller holds its lock. On failure everything is undone and the row says why. */
export async function startContainer(store: Store, row: ContainerRow, request: StartRequest): Promise<Started> {
  request.onStart?.();
  const host = detectCgroups();
  const undo: (() => void)[] = [];
  try {
    return await start({ store, row, request, host, undo });
  } catch (error) {
    takeBack(undo);
    const failed = startError(error);
    if (failed instanceof HoyError) recordFailure(store, row, failed);
    throw failed;
  }
}

/** Every step is tried; what cannot be taken back now is swept later, and the reason for it would hide the start's own. */
function takeBack(undo: readonly (() => void)[]): void {
  for (const step of undo.toReversed()) {
    try {
      step();
    } catch {
      // see above
    }
  }
}

interface Work {
  store: Store;
  row: ContainerRow;
  request: StartRequest;
  host: CgroupHost;
  /** What has to be taken back when the start fails, in the order of doing. */
  undo: (() => void)[];
}

async function start(work: Work): Promise<Started> {
  const { store, row, request, host, undo } = work;
  const { config, hostConfig } = row.options;
  using data = open(dataFolder(store, row.id), O_RDONLY | O_DIRECTORY);
  using run = open(runFolder(store, row.id), O_RDONLY | O_DIRECTORY);
  using alive = takeAlive(store, row);
  const monitors = planMonitors(host, store.name);
  createMonitors(monitors);
  const limits = logLimits(hostConfig.LogConfig.Config);
  const program = engineProgram();
  const monitor = launchMonitor({
    title: `hoy-monitor ${row.id.slice(0, 12)}`,
    data,
    run,
    alive,
    cgroup: monitors,
    log: { write: hostConfig.LogConfig.Type !== "none", maxSize: Math.max(0, limits.maxSize), files: limits.maxFiles },
    tty: config.Tty,
    stdin: config.OpenStdin,
    stdinOnce: config.StdinOnce,
    attached: request.attached,
    reaper: hostConfig.Init ?? false,
    engine: { path: program.path, argv: ["hoy", ...program.prefix, "__followup", row.id], env: engineEnvironment(store) },
  });
  undo.push(() => monitor[Symbol.dispose]());

  const { mount, parts } = mountRootfs(store, row);
  using rootfs = mount;
  const network = await prepareNetwork(store, row);
  undo.push(() => network.release());
  const { spec, seccomp } = plan(work, rootfs, network);
  spec.mounts = [...parts, ...reachable(store, row, rootfs, spec.mounts ?? [])];
  const capabilities = spec.process?.capabilities?.bounding ?? [];
  const filter = await seccompFilter(seccomp, capabilities);
  const expanded = await expandSeccomp(seccomp, capabilities);
  if (spec.linux && expanded) spec.linux.seccomp = expanded;
  writeFileSync(join(dataFolder(store, row.id), "config.json"), stringifyExact(spec), { mode: 0o600 });
  const cgroup = planCgroup(host, { parent: store.name, id: row.id, resources: spec.linux?.resources, rootless: store.rootless });
  undo.push(() => removeCgroup(cgroup));
  createCgroup(cgroup);

  const init = planInit(monitor.tape, {
    spec,
    id: row.id,
    mountpoint: runFolder(store, row.id),
    joinCgroups: cgroup.payloadJoin,
    cgroupMounts: cgroupView({ host, cgroup, spec, store, privileged: hostConfig.Privileged }),
    seccomp: filter,
    inUserNamespace: store.rootless,
    maySetGroups: maySetGroups(store),
    terminal: config.Tty ? { size: request.terminalSize } : undefined,
    stdin: config.OpenStdin,
  });
  const pid = monitor.play({ init, namespaces: namespaceFlags(spec), into: cgroup.payloadInto, rootfs });
  await connect(monitor, network, pid);
  commitRunning(store, row, pid);
  monitor.exec();
  return { monitor, pid };
}

/** A container that cannot be set up is gone at once, and its network namespace with it: what failed there is the reason then. */
async function connect(monitor: Monitor, network: ContainerNetwork, pid: number): Promise<void> {
  try {
    await network.connect(pid);
  } catch (error) {
    monitor.ready();
    throw error;
  }
}

/** How long the monitor of the last run may take to leave after its record. */
const LEAVING_MS = 2000;

/** The lock that the monitor inherits: while it is held, the container is alive. The record of an earlier end is taken away. */
function takeAlive(store: Store, row: ContainerRow): Fd {
  const folder = runFolder(store, row.id);
  const fd = open(join(folder, "alive"), O_RDWR | O_CREAT, 0o600);
  for (const deadline = Date.now() + LEAVING_MS; !tryLock(fd.number); Bun.sleepSync(1)) {
    if (Date.now() < deadline) continue;
    fd.close();
    throw new HoyError(`the container ${row.name} is running already`, { status: 304 });
  }
  rmSync(join(folder, "exit"), { force: true });
  return fd;
}

function plan({ store, row, host }: Work, rootfs: Fd, network: ContainerNetwork): { spec: Spec; seccomp: SeccompChoice } {
  const { options } = row;
  const text = (path: string): string | undefined => readInRoot(rootfs.number, path, MAX_PASSWD)?.toString("utf8");
  const user = resolveUser({
    spec: options.config.User,
    passwd: text("etc/passwd"),
    group: text("etc/group"),
    groupAdd: options.hostConfig.GroupAdd,
  });
  if (store.rootless) checkIds({ uid: user.uid, gids: [user.gid] });
  return buildSpec({
    options,
    id: row.id,
    user,
    host: { cgroupVersion: host.mode === "v2" ? 2 : 1, mapsGroup, recursiveReadOnly: true },
    files: writeContainerFiles(store, row, network),
    mounts: resolveMounts(store, options.mounts ?? [], rootfs),
    devices: containerDevices(options.hostConfig),
    rootless: store.rootless,
    cgroupPath: `/${store.name}/${row.id}`,
  });
}

/**
 * An ordinary user can add nothing to a folder of somebody else's (`--rootfs`): the engine's files are left out where there is no
 * place for them.
 */
function reachable(store: Store, row: ContainerRow, rootfs: Fd, mounts: readonly Mount[]): Mount[] {
  const folder = row.options.rootfs;
  if (!store.rootless || folder === undefined || folder === "/") return [...mounts];
  const own = Object.values(containerFiles(store, row.id));
  return mounts.filter(({ source = "", destination }) => !own.includes(source) || hasPlace(rootfs, destination));
}

/** True when the file is there, or could be made just now. */
function hasPlace(rootfs: Fd, path: string): boolean {
  const at = path.lastIndexOf("/");
  const found = openInRoot(rootfs.number, path.slice(1, at) || ".", O_PATH | O_DIRECTORY);
  if (found < 0) return false;
  using parent = new Fd(found);
  const made = mknodAt(parent.number, path.slice(at + 1), S_IFREG | 0o644, 0);
  return made === 0 || made === -EEXIST;
}

/** The filter of a choice; undefined: unconfined. */
export async function seccompFilter(choice: SeccompChoice, capabilities: readonly string[]): Promise<Uint8Array | undefined> {
  if (choice.kind === "unconfined") return undefined;
  if (choice.kind === "default") return filterFor({ capabilities });
  const { parseSeccompProfile } = await import("../../spec/seccomp.ts");
  return filterFor({ capabilities, profile: parseSeccompProfile(choice.json) });
}

/** A profile of the user's own stands in config.json in full. */
async function expandSeccomp(choice: SeccompChoice, capabilities: readonly string[]): Promise<Seccomp | undefined> {
  if (choice.kind !== "profile") return undefined;
  const { parseSeccompProfile } = await import("../../spec/seccomp.ts");
  const { ociSeccompFor } = await import("../../runtime/seccomp/profile.ts");
  return ociSeccompFor(parseSeccompProfile(choice.json), { capabilities, kernel: release() });
}

function cgroupView({
  host,
  cgroup,
  spec,
  store,
  privileged,
}: {
  host: CgroupHost;
  cgroup: CgroupPlan;
  spec: Spec;
  store: Store;
  privileged: boolean;
}) {
  const namespace = spec.linux?.namespaces?.some(({ type }) => type === "cgroup") ?? false;
  return planCgroupMounts({ host, plan: cgroup, namespace, readonly: !privileged, rootless: store.rootless });
}

/** Ids of this process's user namespace as [first, count]; the whole range outside of one. */
function mappedIds(file: string): [number, number][] {
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]) => [first, count]);
}

const mapsGroup = (gid: number): boolean => mappedIds("/proc/self/gid_map").some(([first, count]) => gid >= first && gid < first + count);

/** Where /proc/self/setgroups says "deny" (a namespace with a single id), groups cannot be set at all. */
export const maySetGroups = (store: Store): boolean => !store.rootless || readFileSync("/proc/self/setgroups", "utf8").trim() === "allow";

function commitRunning(store: Store, row: ContainerRow, pid: number): void {
  row.state = "running";
  row.pid = pid;
  row.started = Date.now();
  store.db
    .transaction(() => {
      store.db
        .query(
          "UPDATE containers SET state = 'running', pid = ?, started = ?, finished = 0, exit_code = 0, oom_killed = 0, error = '' WHERE id = ?",
        )
        .run(pid, row.started, row.id);
      recordContainer(store, row, "start");
    })
    .immediate();
}

function recordFailure(store: Store, row: ContainerRow, error: HoyError): void {
  const state = row.started > 0 ? "exited" : "created";
  store.db
    .transaction(() => {
      store.db
        .query(
          "UPDATE containers SET state = ?, pid = 0, exit_code = ?, error = ?, finished = CASE WHEN started > 0 THEN ? ELSE 0 END WHERE id = ?",
        )
        .run(state, error.exitCode ?? 125, error.message, Date.now(), row.id);
    })
    .immediate();
}
