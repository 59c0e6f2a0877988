/** `create`: from a bundle to a first process that is set up and waits; `run` is the same without the wait (runtime.md, "Lifecycle"). */

import { join } from "node:path";
import { check } from "../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_RDONLY, open, socketPair } from "../../../ffi/fd.ts";
import { renameSync, rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { bindDatagram } from "../../../ffi/socket.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Flag, Mode, PlayerFd, Tape } from "../../../ffi/tape.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { createCgroup, removeCgroup } from "../cgroup/act.ts";
import { detectCgroups } from "../cgroup/host.ts";
import { planCgroupMounts } from "../cgroup/mounts.ts";
import type { CgroupPlan } from "../cgroup/plan.ts";
import { encodeFrame, From } from "../frames.ts";
import { ownIdentity } from "../idmap.ts";
import { planInit } from "../plan/init.ts";
import { filterForOci } from "../seccomp/filter.ts";
import { failure, NAMESPACE_FLAGS } from "../start.ts";
import { type Bundle, copyRoot, readBundle } from "./bundle.ts";
import { attachProcess, cgroupPlace, planContainerCgroup } from "./cgroup.ts";
import { connectConsole, MASTER_BODY } from "./console.ts";
import { LISTENER, MOUNTED, script, type Turns } from "./conversation.ts";
import { explain } from "./explain.ts";
import { runHooks } from "./hooks.ts";
import { joinRdtGroups, makeRdtGroups, type RdtGroups, removeRdtGroups } from "./intel-rdt.ts";
import { idMaps, newNamespaces, planNamespaces } from "./namespaces.ts";
import { moveNetDevices } from "./net-devices.ts";
import { prepareMounts } from "./ready-mounts.ts";
import { type ContainerRecord, makeFolder, processStat, START_SOCKET, writeRecord, writeSpec } from "./record.ts";
import { DescriptorReader, notifies } from "./seccomp-agent.ts";
import { seccompFlags } from "./seccomp-flags.ts";
import { stateOf } from "./state.ts";
import { inUserNamespace, mayManageCgroups, maySetGroups, writeIdMaps } from "./user.ts";

export interface CreateRequest {
  root: string;
  id: string;
  bundle: string;
  /** Path of the socket that gets the terminal's master. */
  consoleSocket: string | undefined;
  /** A socket of the caller's own that gets it: of a `run` in the foreground. */
  console: Fd | undefined;
  pidFile: string | undefined;
  /** How many of our descriptors from 3 on are passed on. */
  preserved: number;
  /** --no-new-keyring. */
  keepsKeyring: boolean;
  /** `run`: the program runs at once. */
  separateStart: boolean;
  /** The caller waits for the container's end. */
  foreground: boolean;
  /** --systemd-cgroup. */
  systemd: boolean;
}

export interface Created {
  record: ContainerRecord;
  spec: Spec;
  folder: string;
  /** The container's lock: given back by whoever asked. */
  lock: Fd;
  /** In the foreground: the player, which ends as the container does, and the socket that ends with it. */
  player: { pid: number; ended: Fd } | undefined;
  conversation: Conversation;
}

/** Carries the conversation on hoy's side. */
class Conversation implements Disposable {
  readonly #frames: DescriptorReader;
  /** The process may be faster than the player that tells of it. */
  readonly #early: number[] = [];

  constructor(
    readonly socket: Fd,
    readonly tape: Tape,
  ) {
    this.#frames = new DescriptorReader(socket.number);
  }

  /** The next frame has to be of this type. Throws SysError for a step that failed. */
  expect(type: number): string {
    if (this.#early[0] === type) return String(this.#early.shift());
    for (;;) {
      const frame = this.#frames.next();
      if (!frame) throw new HoyError("the container's first process ended unexpectedly", { hint: "dmesg may tell who killed it" });
      if (frame.type === From.failed) throw failure(this.tape, frame);
      if (frame.type === type) return frame.data.toString();
      this.#early.push(frame.type);
    }
  }

  /** Waits for the end: of a program that runs, as the socket is close-on-exec. A seccomp filter's descriptor may come before. */
  expectEnd(onListener: (listener: Fd | undefined) => void = () => {}): void {
    for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) {
      if (frame.type !== LISTENER) throw failure(this.tape, frame);
      onListener(this.#frames.fds.shift());
    }
  }

  word(): void {
    const sent = sys(NR.sendto, this.socket.number, new Uint8Array(1), 1, 0x4000, 0, 0);
    // it has ended: its last frame says why
    if (sent < 0) this.expectEnd();
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

/** Creates the container. On failure nothing of it is left. Throws HoyError. */
export async function createContainer(request: CreateRequest): Promise<Created> {
  const bundle = readBundle(request.bundle);
  const { folder, lock } = makeFolder(request.root, request.id);
  const undo: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true }), () => lock.close()];
  try {
    return await create({ request, bundle, folder, lock, undo });
  } catch (error) {
    for (const step of undo.toReversed()) step();
    throw explain(error, bundle.spec);
  }
}

interface Work {
  request: CreateRequest;
  bundle: Bundle;
  folder: string;
  lock: Fd;
  undo: (() => void)[];
}

/** An ordinary user's login session has no cgroups of its own: the process gets into those of the user's manager. */
async function leaveSession(): Promise<void> {
  if (detectCgroups().v2?.outside) (await import("../systemd/self.ts")).enterDelegation();
}

function turnsOf({ spec, rootfs }: Bundle, separateStart: boolean): Turns {
  const userNamespace = idMaps(spec) !== undefined;
  const joinsUser = spec.linux?.namespaces?.some(({ type, path }) => type === "user" && path !== undefined) ?? false;
  const { prestart = [], createRuntime = [], createContainer = [] } = spec.hooks ?? {};
  return {
    outside: userNamespace || joinsUser,
    userNamespace: userNamespace || joinsUser,
    hooks: prestart.length + createRuntime.length + createContainer.length > 0,
    separateStart,
    rootfs: process.geteuid?.() === 0 ? undefined : rootfs,
  };
}

async function create(work: Work): Promise<Created> {
  const { request, bundle, folder, undo } = work;
  const { spec } = bundle;
  const turns = turnsOf(bundle, request.separateStart);
  writeSpec(folder, spec);
  await leaveSession();
  const scope = request.systemd ? (await import("./scope.ts")).makeScope(spec, request.id) : undefined;
  undo.push(() => scope?.undo());
  const place = scope?.place ?? (mayManageCgroups(spec) ? cgroupPlace(spec, request.id) : undefined);
  const cgroup = place && planContainerCgroup(spec, place, inUserNamespace());
  if (cgroup) {
    undo.push(() => void removeCgroup(cgroup));
    createCgroup(cgroup);
  }
  const rdt = spec.linux?.intelRdt ? makeRdtGroups(spec.linux.intelRdt, request.id) : undefined;
  undo.push(() => removeRdtGroups({ ...(rdt ? { rdt } : {}) }));
  const tape = new Tape();
  const [ours, theirs] = socketPair();
  const conversation = new Conversation(ours, tape);
  undo.push(() => conversation[Symbol.dispose]());
  const player = await spawn(work, { tape, theirs, turns, cgroup });
  theirs.close();
  const pid = Number(conversation.expect(From.pid));
  scope?.settle();
  if (!request.foreground) waitChild(player.pid);
  // should anything fail from here on, the process ends with the conversation; it may hold it up
  undo.push(() => sys(NR.kill, pid, 9));
  if (rdt) joinRdtGroups(rdt, pid);
  if (turns.outside) {
    if (cgroup) attachProcess(cgroup, pid);
    const maps = idMaps(spec);
    if (maps) writeIdMaps(pid, maps);
    conversation.word();
  }
  const devices = moveNetDevices(spec, pid);
  undo.push(() => devices?.undo());
  const record = recordOf(work, { pid, tape, place, rdt });
  if (turns.hooks) await runCreateHooks(conversation, record, spec);
  conversation.expect(From.ready);
  if (request.pidFile !== undefined) writePidFile(request.pidFile, pid);
  writeRecord(folder, record);
  undo.push(() => rmSync(join(folder, "state.json"), { force: true }));
  if (request.separateStart) conversation.word();
  devices?.close();
  return { record, spec, folder, lock: work.lock, player: request.foreground ? player : undefined, conversation };
}

interface Spawning {
  tape: Tape;
  theirs: Fd;
  turns: Turns;
  cgroup: CgroupPlan | undefined;
}

async function spawn({ request, bundle, folder }: Work, { tape, theirs, turns, cgroup }: Spawning): Promise<{ pid: number; ended: Fd }> {
  const { spec, rootfs } = bundle;
  using into = cgroup?.payloadInto === undefined ? undefined : open(cgroup.payloadInto, O_RDONLY | O_DIRECTORY);
  using root = turns.rootfs === undefined ? copyRoot(bundle) : undefined;
  using ready = prepareMounts(bundle, request.preserved);
  using startSocket = turns.separateStart ? bindDatagram(folder, START_SOCKET) : undefined;
  const terminal = spec.process?.terminal === true;
  using receiver = terminal ? (request.console ?? connectConsole(request.consoleSocket)) : undefined;
  if (!terminal && request.consoleSocket !== undefined)
    throw new HoyError("cannot use console socket if runc will not detach or allocate tty", { status: 400 });
  tape.mode = Mode.exec;
  tape.flags = Flag.report | (request.foreground ? 0 : Flag.leave);
  tape.clone = tape.cloneArgs({ flags: newNamespaces(spec), exitSignal: 17, ...(into ? { cgroup: PlayerFd.payloadCgroup } : {}) });
  tape.lay("early", planNamespaces(spec));
  const size = spec.process?.consoleSize;
  const init = planInit(tape, {
    spec,
    id: request.id,
    mountpoint: rootfs,
    // an id of a user namespace may not: hoy moves it then
    joinCgroups: cgroup && !turns.outside ? cgroup.payloadJoin : [],
    readyMounts: ready.numbers,
    cgroupMounts: cgroupMounts(spec, cgroup),
    seccomp: spec.linux?.seccomp ? await filterForOci(spec.linux.seccomp) : undefined,
    inUserNamespace: turns.userNamespace || inUserNamespace(),
    maySetGroups: maySetGroups(spec),
    terminal: terminal
      ? { size: size && { rows: size.height, columns: size.width }, to: { socket: PlayerFd.data, body: MASTER_BODY } }
      : undefined,
    streams: "inherited",
    script: script(turns, spec.process),
    outlivesParent: true,
    preserved: request.preserved,
    seccompFlags: seccompFlags(spec),
    listener: notifies(spec.linux?.seccomp) ? encodeFrame(LISTENER) : undefined,
    keepsKeyring: request.keepsKeyring,
  });
  tape.lay("init", init);
  using sent = tape.send();
  const [ended, theirEnd] = socketPair();
  const pid = spawnPlayer(
    {
      tape: sent,
      owner: theirs,
      alive: theirEnd,
      ...(root ? { rootfs: root } : {}),
      ...(into ? { payloadCgroup: into } : {}),
      ...(receiver ? { data: receiver } : {}),
      ...(startSocket ? { run: startSocket } : {}),
    },
    "hoy-runtime",
    [0, 1, 2],
    request.preserved,
    ready.fds,
  );
  theirEnd.close();
  return { pid, ended };
}

/** The view follows the mount of type cgroup in the spec: where it lies, and whether it may be written. */
function cgroupMounts(spec: Spec, cgroup: CgroupPlan | undefined) {
  const mount = spec.mounts?.find(({ type }) => type === "cgroup" || type === "cgroup2");
  if (!mount) return [];
  const namespace = spec.linux?.namespaces?.some(({ type }) => type === "cgroup") ?? false;
  return planCgroupMounts({
    host: detectCgroups(),
    plan: cgroup ?? { monitor: { join: [], shared: [] }, directories: [], prepare: [], limits: [], payloadJoin: [], remove: [] },
    namespace,
    readonly: mount.options?.includes("ro") ?? false,
    rootless: inUserNamespace() || idMaps(spec) !== undefined,
    target: mount.destination,
  });
}

function recordOf(
  { request, bundle }: Work,
  { pid, tape, place, rdt }: { pid: number; tape: Tape; place: ContainerRecord["cgroup"] | undefined; rdt: RdtGroups | undefined },
): ContainerRecord {
  const from = tape.steps.indexOf("wait for start");
  return {
    ociVersion: bundle.spec.ociVersion,
    id: request.id,
    pid,
    startTime: processStat(pid)?.startTime ?? "",
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    owner: ownIdentity().name,
    ...(place ? { cgroup: place } : {}),
    ...(rdt ? { rdt } : {}),
    steps: from < 0 ? { from: 0, names: [] } : { from, names: tape.steps.slice(from) },
  };
}

async function runCreateHooks(conversation: Conversation, record: ContainerRecord, spec: Spec): Promise<void> {
  conversation.expect(MOUNTED);
  const state = stateOf(record, spec, "creating");
  await runHooks(spec, "prestart", state);
  await runHooks(spec, "createRuntime", state);
  using process = new Fd(check(sys(NR.pidfd_open, record.pid, 0), "open the container's first process"));
  await runHooks(spec, "createContainer", state, { process, namespaces: ownNamespaces(spec) });
  conversation.word();
}

/** CLONE_NEW* of all that the container has of its own, whether new or joined. */
export const ownNamespaces = (spec: Spec): number =>
  (spec.linux?.namespaces ?? []).reduce((flags, { type }) => flags + NAMESPACE_FLAGS[type], 0);

export function writePidFile(path: string, pid: number): void {
  try {
    // by rename: who watches the file finds it whole
    writeFileSync(`${path}.tmp`, String(pid), { mode: 0o666 });
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    throw new HoyError(`cannot write the pid file ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
