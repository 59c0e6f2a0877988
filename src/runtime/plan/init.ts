/**
 * The tape of a container's first process, from its birth in new namespaces to the user's program:
 *
 *   cgroups · session · copies of shared mounts · host's tree private · root attached · mounts · devices · masks · terminal ·
 *   pivot · hostname · READY, wait for the word · everything closed · chdir · limits, seccomp, ids, capabilities · execve
 */
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDWR } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, PlayerFd, PlayerSlot, type Slot, slot, type Tape } from "../../../ffi/tape.ts";
import { withoutTrailingSlashes } from "../../spec/path.ts";
import type { Mount, Spec } from "../../spec/runtime.ts";
import type { CgroupMount } from "../cgroup/mounts.ts";
import { planCgroupView } from "./cgroup.ts";
import { planDevices } from "./devices.ts";
import { checkedMountLabel, execLabels, immediateProfile, keyLabel, type ProcWrite, writeHostProc, writeTo } from "./labels.ts";
import { planMasked, planReadonly } from "./masks.ts";
import { planMounts, setAttributes } from "./mounts.ts";
import { makeDirectories, type Planner } from "./paths.ts";
import { planProcess } from "./process.ts";
import { bindConsole, type MasterReceiver, openTerminal, type TerminalSize, useTerminal } from "./terminal.ts";

const MS_REC = 0x4000;
const MS_PRIVATE = 1 << 18;
const MS_SLAVE = 1 << 19;
const MNT_DETACH = 2;
const CLONE_NEWCGROUP = 0x02000000;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_RDONLY = 1;
const CLOEXEC = 0o2000000;
const S_READY = 3;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

const FILE = slot(0);
const PROC = slot(6);
/** The file that changes the profile of a first process which never executes. */
const PROFILE = slot(47);
/** /dev/null of the host, for streams that come from nowhere. */
export const NULL_DEVICE = slot(7);

export interface InitRequest {
  spec: Spec;
  id: string;
  /** Any folder of the host that exists: the root is attached there in the container's own mount namespace. */
  mountpoint: string;
  /** v1 `tasks` files that the process moves itself into. */
  joinCgroups: readonly string[];
  /** Mounts of the spec that are made already, detached: their descriptors in the player. */
  readyMounts?: ReadonlyMap<Mount, number>;
  /** Mounts of another container that were copied while joining it (join.ts). */
  copies?: ReadonlyMap<string, Slot>;
  /** What becomes of a mount of type cgroup. */
  cgroupMounts: readonly CgroupMount[];
  seccomp: Uint8Array | undefined;
  /** The container runs in the user's namespace: no device nodes can be made. */
  inUserNamespace: boolean;
  maySetGroups: boolean;
  terminal: { size: TerminalSize | undefined; to?: MasterReceiver } | undefined;
  /** Where the standard streams come from: the monitor's pipes (standard input too, or /dev/null), or they are as they are. */
  streams: "monitor" | "monitor-without-input" | "inherited";
  /** What `hoy runtime` says and waits for in between. */
  script?: Script;
  outlivesParent?: boolean;
  preserved?: number;
  seccompFlags?: number | undefined;
  listener?: Uint8Array | undefined;
  /** The session keyring of the caller is kept. */
  keepsKeyring?: boolean;
  /** `--init`: the first process stays what it is, and its child executes the program. */
  reaper?: boolean;
}

/** The turns of another conversation than the monitor's. */
export interface Script {
  /** Before anything else. */
  begin(planner: Planner): void;
  /** All is mounted, and the host's tree is still there. */
  mounted(planner: Planner): void;
  /** All is set up; the program runs after it. */
  ready(planner: Planner): void;
}

/** One of its own: what is another's has been set up there. */
const hasNamespace = (spec: Spec, type: string): boolean =>
  spec.linux?.namespaces?.some((namespace) => namespace.type === type && namespace.path === undefined) ?? false;

/** An ordinary user may mount no proc in the host's pid namespace; the host's own shows each process its own namespaces too. */
const usesHostProc = (spec: Spec): boolean =>
  spec.mounts?.some(({ type, options = [] }) => type === "proc" && options.includes("rbind")) ?? false;

export function joinCgroups(part: Part, files: readonly string[]): void {
  for (const file of files) {
    part.op(`open ${file}`, NR.openat, [AT_FDCWD, file, 1 | CLOEXEC], { out: FILE });
    part.op(`join ${file}`, NR.write, [FILE, "0", 1]).op("close", NR.close, [FILE]);
  }
}

/** Leaves the caller's session keyring for the container's: what the caller keeps there is no business of the container's. */
export function joinKeyring(part: Part, id: string, label: string | undefined): void {
  if (label) writeHostProc(part, [keyLabel(label)]);
  part.op("session keyring", NR.keyctl, [KEYCTL_JOIN_SESSION_KEYRING, `_ses.${id}`], { ignore: "any" });
  if (label) writeHostProc(part, [keyLabel(undefined)]);
}

/** A folder of somebody else's on /dev (`-v /dev:/dev`) is left as it is: nodes made there would be made on the host. */
const isBound = (spec: Spec, path: string): boolean =>
  (spec.mounts ?? []).some(
    ({ destination, type, options = [] }) =>
      withoutTrailingSlashes(destination) === path && (type === "bind" || options.includes("bind") || options.includes("rbind")),
  );

function attachRoot(planner: Planner, request: InitRequest, shared: boolean): void {
  const { part } = planner;
  const propagation = shared ? MS_SLAVE : MS_PRIVATE;
  part.op("make the mounts private", NR.mount, [0, "/", 0, MS_REC | propagation, 0]);
  // a copy of a mount of the host's would share with it whatever is mounted here
  setAttributes(planner, "make the root file system private", PlayerFd.rootfs, { propagation, recursive: true });
  part.op("attach the root file system", NR.move_mount, [PlayerFd.rootfs, "", AT_FDCWD, request.mountpoint, MOVE_MOUNT_F_EMPTY_PATH]);
}

function pivot({ part }: Planner): void {
  part.op("enter the root file system", NR.fchdir, [PlayerFd.rootfs]);
  part.op("pivot_root", NR.pivot_root, [".", "."]);
  part.op("unmount the host's tree", NR.umount2, [".", MNT_DETACH]);
  part.op("chdir /", NR.chdir, ["/"]);
}

const PR_SET_DUMPABLE = 4;
const SHARED = 1 << 20;
const UNBINDABLE = 1 << 17;

/** Private and slave are what it is already; the others are set last, so that none of our own mounts propagates. */
function planPropagation({ part }: Planner, word: string): void {
  const flag = word.endsWith("unbindable") ? UNBINDABLE : word.endsWith("shared") ? SHARED : 0;
  if (flag) part.op(`make the root ${word}`, NR.mount, [0, "/", 0, flag | (word.startsWith("r") ? MS_REC : 0), 0]);
}

function setNames({ part }: Planner, spec: Spec): void {
  if (!hasNamespace(spec, "uts")) return;
  if (spec.hostname) part.op("sethostname", NR.sethostname, [spec.hostname, Buffer.byteLength(spec.hostname)]);
  if (spec.domainname) part.op("setdomainname", NR.setdomainname, [spec.domainname, Buffer.byteLength(spec.domainname)]);
}

/** What is written to files of /proc for the container. */
function procWrites(spec: Spec, reaper: boolean): ProcWrite[] {
  const score = spec.process?.oomScoreAdj;
  const files: [path: string, value: string][] = [
    ...Object.entries(spec.linux?.sysctl ?? {}).map(([key, value]): [string, string] => [`sys/${key.replaceAll(".", "/")}`, value]),
    ...(score === undefined ? [] : [["self/oom_score_adj", String(score)] as [string, string]]),
  ];
  const labels = spec.process ? execLabels(reaper ? { ...spec.process, apparmorProfile: "" } : spec.process) : [];
  return [...files.map(([path, value]) => ({ step: `write ${value} to /proc/${path}`, path, value })), ...labels];
}

/**
 * Writes sysctls, oom_score_adj and labels through a procfs of our own that nothing in the image can stand in for (CVE-2025-52881).
 * The file for a profile that is set later is left open in PROFILE.
 */
function writeProc({ part }: Planner, writes: readonly ProcWrite[], spec: Spec, later: ProcWrite | undefined): void {
  if (writes.length === 0 && !later) return;
  if (usesHostProc(spec)) part.op("open the host's proc", NR.openat, [AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | CLOEXEC], { out: PROC });
  else {
    part.op("fsopen proc", NR.fsopen, ["proc", 1], { out: FILE });
    part.op("mount a private proc", NR.fsconfig, [FILE, 6, 0, 0, 0]).op("mount a private proc", NR.fsmount, [FILE, 1, 0xe], { out: PROC });
    part.op("close", NR.close, [FILE]);
  }
  for (const { step, path, value } of writes) {
    part.op(`open /proc/${path}`, NR.openat, [PROC, path, 1 | CLOEXEC], { out: FILE });
    writeTo(part, FILE, { step, value }).op("close", NR.close, [FILE]);
  }
  if (later) part.op(`open /proc/${later.path}`, NR.openat, [PROC, later.path, 1 | CLOEXEC], { out: PROFILE });
  part.op("close", NR.close, [PROC]);
}

/** Makes the monitor's pipes the standard streams and gives them to the user, who may want to open /dev/stdout again. */
export function useStreams({ part }: Planner, { stdin, uid }: { stdin: boolean; uid: number }): void {
  const streams = [[0, PlayerSlot.stdin] as const, [1, PlayerSlot.stdout] as const, [2, PlayerSlot.stderr] as const];
  for (const [target, source] of streams) {
    if (target === 0 && !stdin) part.op("stdin from /dev/null", NR.dup3, [NULL_DEVICE, 0, 0]);
    else {
      part.op(`stream ${target}`, NR.dup3, [source, target, 0]);
      if (uid !== 0) part.op(`give stream ${target} to the user`, NR.fchown, [target, uid, -1], { ignore: "any" });
    }
  }
}

/** Every network namespace has its loopback interface up (netdevice(7), SIOCSIFFLAGS). */
function raiseLoopback({ tape, part }: Planner): void {
  const request = new Uint8Array(40);
  request.set(Buffer.from("lo"));
  request[16] = IFF_UP;
  part.op("socket", NR.socket, [AF_INET, SOCK_DGRAM | CLOEXEC, 0], { out: FILE });
  part.op("raise the loopback interface", NR.ioctl, [FILE, SIOCSIFFLAGS, tape.bytes(request)]).op("close", NR.close, [FILE]);
}

export function waitForWord({ tape, part }: Planner): void {
  const ready = tape.bytes(new Uint8Array(new Int32Array([S_READY, 0, 0]).buffer));
  part.op("report that all is ready", NR.write, [PlayerSlot.sync, ready, 12]);
  part.op("wait for the word", NR.read, [PlayerSlot.sync, tape.space(8), 1], { expect: 1 });
}

/** Lays the whole part into `tape`; returns it for tests and for explaining. */
export function planInit(tape: Tape, request: InitRequest): Part {
  const { spec } = request;
  const part = new Part();
  const planner: Planner = { tape, part, known: new Set(), kernel: new Map() };
  const propagation = spec.linux?.rootfsPropagation ?? "";
  const mounts = planMounts(spec.mounts ?? [], {
    ready: request.readyMounts,
    copies: request.copies,
    label: checkedMountLabel(spec),
    inNewIds: hasNamespace(spec, "user"),
  });
  request.script?.begin(planner);
  joinCgroups(part, request.joinCgroups);
  if (hasNamespace(spec, "cgroup")) part.op("unshare the cgroup namespace", NR.unshare, [CLONE_NEWCGROUP]);
  part.op("new session", NR.setsid, []).op("umask", NR.umask, [0]);
  if (!request.keepsKeyring) joinKeyring(part, request.id, spec.process?.selinuxLabel);
  part.op("open /dev/null", NR.openat, [AT_FDCWD, "/dev/null", O_RDWR | CLOEXEC], { out: NULL_DEVICE });
  if (!request.terminal && request.streams !== "inherited")
    useStreams(planner, { stdin: request.streams === "monitor", uid: spec.process?.user.uid ?? 0 });
  mounts.early(planner);
  attachRoot(planner, request, propagation.includes("slave") || propagation.includes("shared"));
  mounts.late(planner, () => planCgroupView(planner, request.cgroupMounts));
  if (!isBound(spec, "/dev")) planDevices(planner, spec.linux?.devices ?? [], request.inUserNamespace);
  const slave = request.terminal
    ? openTerminal(planner, request.terminal.size, spec.process?.user.uid ?? 0, request.terminal.to)
    : undefined;
  if (slave) bindConsole(planner, slave);
  planMasked(planner, spec.linux?.maskedPaths ?? []);
  const profile = request.reaper && spec.process ? immediateProfile(spec.process) : undefined;
  writeProc(planner, procWrites(spec, request.reaper ?? false), spec, profile);
  planReadonly(planner, spec.linux?.readonlyPaths ?? []);
  const cwd = spec.process?.cwd ?? "/";
  if (cwd !== "/") makeDirectories(planner, cwd);
  if (spec.root?.readonly) setAttributes(planner, "make the root read-only", PlayerFd.rootfs, { set: MOUNT_ATTR_RDONLY });
  request.script?.mounted(planner);
  pivot(planner);
  planPropagation(planner, propagation);
  setNames(planner, spec);
  if (hasNamespace(spec, "network")) raiseLoopback(planner);
  // before the wait: who had it made may wait for the end of what it was given as streams
  if (slave) useTerminal(planner, slave);
  if (request.script) request.script.ready(planner);
  else waitForWord(planner);
  // others in a pid namespace that is not its own may not look into what is not the user's program yet (CVE-2016-9962)
  part.op("not dumpable", NR.prctl, [PR_SET_DUMPABLE, 0, 0, 0, 0]);
  if (spec.process)
    planProcess(tape, part, {
      process: spec.process,
      seccomp: request.seccomp,
      maySetGroups: request.maySetGroups,
      report: PlayerSlot.sync,
      outlivesParent: request.outlivesParent ?? false,
      preserved: request.preserved ?? 0,
      seccompFlags: request.seccompFlags,
      listener: request.listener,
      personality: spec.linux?.personality,
      memoryPolicy: spec.linux?.memoryPolicy,
      ...(profile ? { profile: { ...profile, file: PROFILE } } : {}),
    });
  return part;
}
