/** What the container's process is: working directory, limits, ids, capabilities, seccomp and program; shared by run and exec. */
import { EACCES, EAGAIN, EBADF, EINVAL, ELOOP, ENOENT, ENOSYS, ENOTDIR, EPERM } from "../../../ffi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDWR, RESOLVE_NO_MAGICLINKS } from "../../../ffi/fd.ts";
import { PRESERVED } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { type Part, PlayerSlot, type Slot, slot, type Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Linux, Process } from "../../spec/runtime.ts";
import { capabilityMask, capabilityNumber, lastCapability } from "../capabilities.ts";
import { rlimitNumber, rlimitValue } from "../rlimits.ts";
import { writeTo } from "./labels.ts";
import { planMemoryPolicy } from "./memory-policy.ts";
import { planPersonality, planScheduling } from "./scheduling.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const CAPABILITY_VERSION_3 = 0x20080522;
const SIGKILL = 9;
const SECCOMP_SET_MODE_FILTER = 1;
/** Speculation stays as it is, as with runc: the mitigation is slow and was not asked for (seccomp(2)). */
const SPEC_ALLOW = 4;
const NEW_LISTENER = 8;
/** Where the report's descriptor lies when everything else is closed; above those that the caller gave, if any. */
const REPORT = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const LAST_FD = 0x7fffffff;
const PATH_MAX = 4096;
const FOLDER = slot(0);
/** 0 when the working directory was entered as root, else the negated errno. */
const ENTERED = slot(1);

export interface ProcessRequest {
  process: Process;
  /** sock_filter[] in the kernel's layout; undefined: unconfined. */
  seccomp: Uint8Array | undefined;
  /** False in a user namespace with a single id, where setgroups(2) is denied. */
  maySetGroups: boolean;
  /** The descriptor that reports a failure: kept until execve, everything above 2 besides it is closed. */
  report: Slot | number;
  /** The process goes on when its parent dies: it has no monitor. */
  outlivesParent?: boolean;
  /** How many of the caller's descriptors it gets from 3 on; they wait from PRESERVED on (ffi/player.ts). */
  preserved?: number;
  personality?: Linux["personality"];
  memoryPolicy?: Linux["memoryPolicy"];
  /** SECCOMP_FILTER_FLAG_* where the spec names some. */
  seccompFlags?: number | undefined;
  /** The filter has calls that somebody else answers: what is said on `report` with the descriptor for it. */
  listener?: Uint8Array | undefined;
  /** A change of AppArmor's profile as the last thing before the program runs: what is written to which open file. */
  profile?: ProfileChange;
}

interface ProfileChange {
  step: string;
  value: string;
  file: Slot;
}

function planRlimits(tape: Tape, part: Part, limits: Process["rlimits"]): void {
  for (const { type, soft, hard } of limits ?? []) {
    const at = tape.bytes(new Uint8Array(new BigUint64Array([rlimitValue(soft), rlimitValue(hard)]).buffer));
    part.op(`set ${type}`, NR.prlimit64, [0, rlimitNumber(type), at, 0]);
  }
}

/** With the monitor's death the process dies too; one that died before the kernel knew of it has closed its end of the report. */
function bindToMonitor(tape: Tape, part: Part, report: number): void {
  part.op("set the parent-death signal", NR.prctl, [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);
  // nothing is ever sent: either nothing comes, or the end
  part.op("look for the monitor", NR.read, [report, tape.space(8), 1], { ignore: EAGAIN, expect: 1 });
}

/**
 * Goes to the working directory before the rights for it are given up, as runc does: a user's home may be closed to the user.
 * Where root may not enter it (a network file system), and through links of /proc, where root could reach what the user must not,
 * `enterAsUser` does.
 */
function enterAsRoot(tape: Tape, part: Part, cwd: string): void {
  const how = tape.space(24);
  tape.poke(how, O_PATH | O_DIRECTORY | O_CLOEXEC);
  tape.poke(how + 16, RESOLVE_NO_MAGICLINKS);
  const step = `chdir to ${cwd}`;
  part.op(step, NR.openat2, [AT_FDCWD, cwd, how, 24], { out: FOLDER, ignore: [EACCES, EPERM, ELOOP, ENOSYS] });
  part.op(step, NR.fchdir, [FOLDER], { out: ENTERED, ignore: [EBADF, EACCES, EPERM] });
  part.op("close", NR.close, [FOLDER], { ignore: EBADF });
}

/**
 * The kernel's name of the folder is then entered by the container's root: a link of /proc may have led out to a folder of the
 * host's that the caller has open, whose name begins with "(unreachable)" (CVE-2024-21626).
 */
function enterAsUser(tape: Tape, part: Part, cwd: string, report: number): void {
  const name = tape.space(PATH_MAX + 8);
  tape.poke(name, "/".charCodeAt(0));
  const step = `chdir to ${cwd}`;
  // A jump: "from 4 up to 0" is invalid, and skips what follows; up to a negated errno is up to the end, where all is closed already.
  part.op("skip chdir", NR.close_range, [report + 1, ENTERED, 0], { ignore: EINVAL, skip: 3 });
  part
    .op(step, NR.chdir, [cwd])
    .op(step, NR.getcwd, [name + 1, PATH_MAX])
    .op(step, NR.chdir, [name]);
}

/** Set of capability names → the two 32-bit words of the kernel. */
function capabilityWords(names: readonly string[] = []): [number, number] {
  const mask = capabilityMask(names);
  return [Number(mask & 0xffffffffn), Number(mask >> 32n)];
}

function planSeccomp(tape: Tape, part: Part, request: ProcessRequest): void {
  const { seccomp, seccompFlags: flags = SPEC_ALLOW, listener } = request;
  if (!seccomp) return;
  const program = tape.space(16);
  tape.poke(program, seccomp.length / 8);
  tape.poke(program + 8, tape.bytes(seccomp));
  const step = "load the seccomp filter";
  if (!listener) return void part.op(step, NR.seccomp, [SECCOMP_SET_MODE_FILTER, flags, program]);
  // the lowest number that is free, as all others are closed: the message that carries it is written beforehand
  const at = reportOf(request) + 1;
  part.op(step, NR.seccomp, [SECCOMP_SET_MODE_FILTER, flags | NEW_LISTENER, program], { expect: at });
  // it is close-on-exec; no other call comes before this one, as it may be one that has to be answered
  part.op("hand over the seccomp listener", NR.sendmsg, [PlayerSlot.sync, tape.descriptorMessage(listener, at), 0]);
}

const reportOf = ({ preserved = 0 }: ProcessRequest): number => REPORT + preserved;

/** Only 0 to 2, what the caller gave and the report are left when a path of the image is used: CVE-2024-21626. */
function closeOthers(part: Part, request: ProcessRequest): void {
  const { report, preserved = 0, profile } = request;
  const reportAt = reportOf(request);
  part.op("keep the report's descriptor", NR.dup3, [report, reportAt, O_CLOEXEC], { out: PlayerSlot.sync });
  for (let at = 0; at < preserved; at++) part.op("pass a descriptor on", NR.dup3, [PRESERVED + at, REPORT + at, 0]);
  if (profile) part.op("keep the profile's descriptor", NR.dup3, [profile.file, reportAt + 1, O_CLOEXEC]);
  part.op("close all descriptors", NR.close_range, [reportAt + (profile ? 2 : 1), LAST_FD, 0]);
  part.op("never wait for the report", NR.fcntl, [reportAt, F_SETFL, O_RDWR | O_NONBLOCK]);
}

function planIds(tape: Tape, part: Part, { process, maySetGroups }: ProcessRequest): void {
  const { uid, gid, additionalGids = [] } = process.user;
  if (maySetGroups) {
    const list = tape.bytes(new Uint8Array(new Uint32Array(additionalGids.length ? additionalGids : [0]).buffer));
    part.op("set the groups", NR.setgroups, [additionalGids.length, list]);
  }
  part.op(`set gid ${gid}`, NR.setresgid, [gid, gid, gid]);
  part.op(`set uid ${uid}`, NR.setresuid, [uid, uid, uid]);
}

const bitOf = (name: string): number => capabilityMask([name]).toString(2).length - 1;

function planCapabilities(tape: Tape, part: Part, { capabilities }: Process): void {
  const effective = capabilityWords(capabilities?.effective);
  const permitted = capabilityWords(capabilities?.permitted);
  const inheritable = capabilityWords(capabilities?.inheritable);
  const header = tape.bytes(new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer));
  const data = tape.bytes(
    new Uint8Array(new Uint32Array([effective[0], permitted[0], inheritable[0], effective[1], permitted[1], inheritable[1]]).buffer),
  );
  part.op("set the capabilities", NR.capset, [header, data]);
  // What is not inheritable cannot be ambient. runc lets such a wish be, and `runc spec` of Debian 12 makes it.
  for (const name of capabilities?.ambient ?? [])
    part.op(`raise ambient ${name}`, NR.prctl, [PR_CAP_AMBIENT, 2, bitOf(name), 0, 0], { ignore: EPERM });
}

function planBounding(part: Part, keep: readonly string[] = []): void {
  const kept = new Set(keep.map(capabilityNumber));
  const last = lastCapability();
  for (let number = 0; number <= last; number++)
    if (!kept.has(number)) part.op(`drop capability ${number} from the bounding set`, NR.prctl, [PR_CAPBSET_DROP, number, 0, 0, 0]);
}

const NAME_MAX = 255;

/** False for what can only give ENAMETOOLONG. */
const isNameable = (path: string): boolean =>
  Buffer.byteLength(path) < PATH_MAX && path.split("/").every((name) => Buffer.byteLength(name) <= NAME_MAX);

/** Files that execvp(3) would try for `program`, in order. */
export function candidates(program: string, env: readonly string[]): string[] {
  if (program.includes("/")) return [program];
  const path =
    env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const all = path.split(":").map((folder) => `${folder || "."}/${program}`);
  const nameable = all.filter(isNameable);
  return nameable.length > 0 ? nameable : all.slice(-1);
}

/** The last part: from the fully built container as its namespace's root to the user's program. */
export function planProcess(tape: Tape, part: Part, request: ProcessRequest): void {
  const { process } = request;
  const args = process.args ?? [];
  if (args.length === 0 || args[0] === "") throw new HoyError("no command specified", { exitCode: 125, status: 400 });
  const reportAt = reportOf(request);
  closeOthers(part, request);
  enterAsRoot(tape, part, process.cwd);
  planRlimits(tape, part, process.rlimits);
  planScheduling(tape, part, process);
  planPersonality(part, request.personality);
  planMemoryPolicy(tape, part, request.memoryPolicy);
  if (process.noNewPrivileges) part.op("set no_new_privs", NR.prctl, [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  const early = !process.noNewPrivileges;
  if (early) planSeccomp(tape, part, request);
  planBounding(part, process.capabilities?.bounding);
  if (process.user.uid !== 0 && process.capabilities?.permitted?.length)
    part.op("keep capabilities", NR.prctl, [PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  planIds(tape, part, request);
  planCapabilities(tape, part, process);
  if (!request.outlivesParent) bindToMonitor(tape, part, reportAt);
  enterAsUser(tape, part, process.cwd, reportAt);
  part.op("umask", NR.umask, [process.user.umask ?? 0o022]);
  if (!early) planSeccomp(tape, part, request);
  // whatever the profile restricts, it restricts the container, not its set-up
  if (request.profile) writeTo(part, reportAt + 1, request.profile).op("close", NR.close, [reportAt + 1]);
  const argv = tape.strings(args);
  const env = tape.strings(process.env ?? []);
  const files = candidates(args[0] as string, process.env ?? []);
  files.forEach((file, index) => {
    // a failure is that of the name which was looked for, not of the last place
    part.op(`exec ${args[0]}`, NR.execve, [file, argv, env], index < files.length - 1 ? { ignore: [ENOENT, EACCES, ENOTDIR, ELOOP] } : {});
  });
}
