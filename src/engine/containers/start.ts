/**
 * `start`: everything between a row and a running program. The monitor is launched first and gets ready while the rest is planned;
 * the row is committed before the program may run (DESIGN.md 2), the event once it does.
 */

import { join } from "node:path";
import { type Fd, O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, open, tryLock } from "../../../ffi/fd.ts";
import { readFileSync, rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { createCgroup, createMonitors, removeCgroup } from "../../runtime/cgroup/act.ts";
import { type CgroupHost, detectCgroups } from "../../runtime/cgroup/host.ts";
import { planCgroupMounts } from "../../runtime/cgroup/mounts.ts";
import { type CgroupPlan, planCgroup, planMonitors } from "../../runtime/cgroup/plan.ts";
import { planInit } from "../../runtime/plan/init.ts";
import { planJoin } from "../../runtime/plan/join.ts";
import type { TerminalSize } from "../../runtime/plan/terminal.ts";
import { type Birth, joinedNamespaces, launchMonitor, type Monitor, namespaceFlags } from "../../runtime/start.ts";
import { systemdRuns } from "../../runtime/systemd/host.ts";
import { HoyError } from "../../spec/error.ts";
import { stringifyExact } from "../../spec/json.ts";
import type { Resources, Spec } from "../../spec/runtime.ts";
import { forThisBoot, type Store } from "../../state/store.ts";
import { loadProfile } from "./apparmor.ts";
import { cgroupParent } from "./cgroup.ts";
import { writeContainerFiles } from "./files.ts";
import { makeInitFiles } from "./init-files.ts";
import { type ContainerNetwork, prepareNetwork } from "./network.ts";
import type { OwnIds } from "./own-ids.ts";
import { logLimits } from "./parse/log-opt.ts";
import { engineEnvironment, engineProgram } from "./program.ts";
import { mountRootfs } from "./rootfs.ts";
import { type ContainerRow, dataFolder, runFolder } from "./row.ts";
import { expandSeccomp, seccompFilter } from "./seccomp.ts";
import { type Shared, sharedNamespaces } from "./shared.ts";
import { writableCgroups } from "./spec-mounts.ts";
import { startError } from "./start-error.ts";
import { commitRunning, type LastRun, recordFailure, recordStart } from "./start-record.ts";
import { planSpec, reachable } from "./start-spec.ts";

export interface StartRequest {
  /** The caller stays: it gets the streams, and does what follows the end. */
  attached: boolean;
  terminalSize?: TerminalSize | undefined;
  /** A restart by the policy: it counts on. */
  again?: boolean;
  /** Called when nothing more has to be waited for and the start begins. */
  onStart?: (() => void) | undefined;
  /** What goes wrong and does not stop the container. */
  onWarning?: ((text: string) => void) | undefined;
}

/** A container whose program runs. */
export interface Started {
  monitor: Monitor;
  pid: number;
}

/** Starts the container. The caller holds its lock. On failure everything is undone and the row says why. */
export async function startContainer(store: Store, row: ContainerRow, request: StartRequest): Promise<Started> {
  request.onStart?.();
  forThisBoot(store);
  const host = await ownCgroups();
  const undo: (() => void)[] = [];
  const before: LastRun = { started: row.started, finished: row.finished };
  let started: Started;
  try {
    started = await start({ store, row, request, host, undo });
  } catch (error) {
    takeBack(undo);
    const failed = startError(error);
    if (failed instanceof HoyError) recordFailure(store, row, { error: failed, before });
    throw failed;
  }
  recordStart(store, row);
  return started;
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
  // in another pid namespace there is an init already
  const reaper = (hostConfig.Init ?? false) && hostConfig.PidMode === "";
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
    reaper,
    adopts: row.options.runtime !== undefined,
    engine: { path: program.path, argv: ["hoy", ...program.prefix, "__followup", row.id], env: engineEnvironment(store) },
  });
  undo.push(() => monitor[Symbol.dispose]());
  // another runtime makes its cgroup itself, of plain files
  const scope = systemdRuns() && !row.options.runtime ? (await import("./scope.ts")).beginScope(host, store, row) : undefined;
  undo.push(() => scope?.undo());

  using shared = sharedNamespaces(store, row);
  using own = await ownIdsOf(store, row);
  const { mount, parts } = own ? own.mountRootfs() : mountRootfs(store, row);
  using rootfs = mount;
  // once, so that what the container removes stays removed; a root of its own on a tmpfs is a new one each time
  if (row.started === 0 || row.options.rootfs !== undefined) makeInitFiles(rootfs, own?.owner);
  const network = await prepareNetwork(store, row);
  undo.push(() => network.release());
  using held = new DisposableStack();
  const files = shared.files ?? writeContainerFiles(store, row, { ...network, owner: own?.owner });
  const { spec, seccomp, mounts } = planSpec({
    store,
    row,
    host,
    place: { rootfs, held, ids: own?.place },
    files,
    sharing: shared.sharing,
    scope,
    own,
  });
  if (row.options.mountLabel) {
    const { labelSources } = await import("./selinux.ts");
    labelSources(row.options, Object.values(files), mounts);
  }
  if (hostConfig.DeviceRequests?.length) await (await import("./cdi.ts")).addRequestedDevices(store, row, spec);
  const other = row.options.runtime && (await import("./other-start.ts"));
  const hooks = !other && spec.hooks ? (await import("./hooks.ts")).containerHooks(store, row, spec) : undefined;
  spec.mounts = [...parts, ...reachable({ store, row, rootfs, files }, spec.mounts ?? [])];
  await loadProfile(spec.process?.apparmorProfile ?? "", store);
  const capabilities = spec.process?.capabilities?.bounding ?? [];
  const filter = await seccompFilter(seccomp, capabilities);
  const expanded = await expandSeccomp(seccomp, capabilities, other !== undefined);
  if (spec.linux && expanded) spec.linux.seccomp = expanded;
  const write = (): void => writeFileSync(join(dataFolder(store, row.id), "config.json"), stringifyExact(spec), { mode: 0o600 });
  if (other) {
    const { deleteFromRuntime } = await import("./other-runtime.ts");
    undo.push(() => deleteFromRuntime(store, row));
    const made = other.createWithRuntime({ store, row, monitor, spec, rootfs, runFolder: runFolder(store, row.id) }, write);
    using terminal = made.console;
    if (terminal) other.setSize(terminal, request.terminalSize);
    await network.connect(made.pid);
    commitRunning(store, row, { pid: made.pid, again: request.again ?? false });
    monitor.adopt(made.pid, terminal);
    shared.check();
    other.startWithRuntime(store, row);
    return { monitor, pid: made.pid };
  }
  write();
  const resources = spec.linux?.resources;
  const cgroup = scope ? scope.plan(host, { store, resources }) : plainCgroup(work, resources);
  undo.push(() => removeCgroup(cgroup));
  scope?.ready();
  createCgroup(cgroup);

  const joined = planJoin(
    joinedNamespaces(spec),
    shared.shmFrom === undefined ? undefined : { namespace: shared.shmFrom, path: "/dev/shm" },
  );
  const prepared = own?.prepare(monitor.tape, { spec, joinCgroups: cgroup.payloadJoin, join: joined?.part });
  const init = planInit(monitor.tape, {
    spec,
    id: row.id,
    // root of another namespace may not walk to our folder
    mountpoint: hooks?.mountpoint ?? (own ? "/" : runFolder(store, row.id)),
    joinCgroups: own ? [] : cgroup.payloadJoin,
    ...(prepared ? { readyMounts: prepared.readyMounts, script: prepared.script } : {}),
    ...(hooks ? { script: hooks.script } : {}),
    ...(joined ? { copies: joined.mounts } : {}),
    cgroupMounts: cgroupView({ host, cgroup, spec, store, readonly: !writableCgroups(hostConfig) }),
    seccomp: filter,
    inUserNamespace: store.rootless || own !== undefined,
    maySetGroups: maySetGroups(store),
    terminal: config.Tty ? { size: request.terminalSize } : undefined,
    streams: config.OpenStdin ? "monitor" : "monitor-without-input",
    reaper,
  });
  const before = prepared?.part ?? joined?.part;
  const birth = { init, ...(before ? { join: before } : {}), namespaces: namespaceFlags(spec), into: cgroup.payloadInto, rootfs };
  const pid = play(monitor, shared, birth);
  own?.writeIds(monitor, pid);
  await hooks?.whenMounted(monitor, pid);
  await connect(monitor, network, pid);
  commitRunning(store, row, { pid, again: request.again ?? false });
  // As long as they have not ended, their processes' numbers were not given to others; and from here on their end sees this row.
  shared.check();
  await hooks?.beforeStart(monitor, pid);
  monitor.exec();
  await hooks?.afterStart(pid, request.onWarning ?? (() => {}));
  return { monitor, pid };
}

/** What a user namespace of the container's own takes is loaded for those that have one. */
async function ownIdsOf(store: Store, row: ContainerRow): Promise<OwnIds | undefined> {
  const { idMaps } = row.options;
  return idMaps && (await import("./own-ids.ts")).ownIds(store, row, idMaps);
}

/** From an ordinary user's login session into the cgroups of the user's manager. */
export async function ownCgroups(): Promise<CgroupHost> {
  const host = detectCgroups();
  return host.v2?.outside ? (await import("../../runtime/systemd/self.ts")).enterDelegation() : host;
}

const plainCgroup = ({ store, row, host }: Work, resources: Resources | undefined): CgroupPlan =>
  planCgroup(host, { parent: cgroupParent(store, row), store: store.name, id: row.id, resources, rootless: store.rootless });

/** Another container's end just now is the reason when what it had to share is not there any more. */
function play(monitor: Monitor, shared: Shared, birth: Birth): number {
  try {
    return monitor.play(birth);
  } catch (error) {
    shared.check();
    throw error;
  }
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

/** The lock that the monitor inherits: while it is held, the container is alive. What an earlier run left is taken away. */
function takeAlive(store: Store, row: ContainerRow): Fd {
  const folder = runFolder(store, row.id);
  const fd = open(join(folder, "alive"), O_RDWR | O_CREAT, 0o600);
  for (const deadline = Date.now() + LEAVING_MS; !tryLock(fd.number); Bun.sleepSync(1)) {
    if (Date.now() < deadline) continue;
    fd.close();
    throw new HoyError(`the container ${row.name} is running already`, { status: 304 });
  }
  for (const name of ["exit", "paused"]) rmSync(join(folder, name), { force: true });
  return fd;
}

function cgroupView({
  host,
  cgroup,
  spec,
  store,
  readonly,
}: {
  host: CgroupHost;
  cgroup: CgroupPlan;
  spec: Spec;
  store: Store;
  readonly: boolean;
}) {
  const namespace = spec.linux?.namespaces?.some(({ type }) => type === "cgroup") ?? false;
  return planCgroupMounts({ host, plan: cgroup, namespace, readonly, rootless: store.rootless || spec.linux?.uidMappings !== undefined });
}

/** Where /proc/self/setgroups says "deny" (a namespace with a single id), groups cannot be set at all. */
export const maySetGroups = (store: Store): boolean => !store.rootless || readFileSync("/proc/self/setgroups", "utf8").trim() === "allow";
