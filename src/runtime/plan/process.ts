/** What the container's process is: limits, ids, capabilities, seccomp, working directory and program; shared by run and exec. */
import { EACCES, ENOENT } from "../../../ffi/errno.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { type Part, PlayerSlot, type Slot, type Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Process } from "../../spec/runtime.ts";
import { capabilityMask, lastCapability } from "../capabilities.ts";
import { rlimitNumber, rlimitValue } from "../rlimits.ts";

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
/** Where the report's descriptor lies when everything else is closed. */
const REPORT = 3;

export interface ProcessRequest {
  process: Process;
  /** sock_filter[] in the kernel's layout; undefined: unconfined. */
  seccomp: Uint8Array | undefined;
  /** False in a user namespace with a single id, where setgroups(2) is denied. */
  maySetGroups: boolean;
  /** The descriptor that reports a failure: kept until execve, everything above 2 besides it is closed. */
  report: Slot | number;
}

function planRlimits(tape: Tape, part: Part, limits: Process["rlimits"]): void {
  for (const { type, soft, hard } of limits ?? []) {
    const at = tape.bytes(new Uint8Array(new BigUint64Array([rlimitValue(soft), rlimitValue(hard)]).buffer));
    part.op(`set ${type}`, NR.prlimit64, [0, rlimitNumber(type), at, 0]);
  }
}

/** Set of capability names → the two 32-bit words of the kernel. */
function capabilityWords(names: readonly string[] = []): [number, number] {
  const mask = capabilityMask(names);
  return [Number(mask & 0xffffffffn), Number(mask >> 32n)];
}

function planSeccomp(tape: Tape, part: Part, filter: Uint8Array): void {
  const program = tape.space(16);
  tape.poke(program, filter.length / 8);
  tape.poke(program + 8, tape.bytes(filter));
  part.op("load the seccomp filter", NR.seccomp, [SECCOMP_SET_MODE_FILTER, SPEC_ALLOW, program]);
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
  for (const name of capabilities?.ambient ?? []) part.op(`raise ambient ${name}`, NR.prctl, [PR_CAP_AMBIENT, 2, bitOf(name), 0, 0]);
}

function planBounding(part: Part, keep: readonly string[] = []): void {
  const kept = capabilityMask(keep);
  for (let number = 0; number <= lastCapability(); number++)
    if (!(kept & (1n << BigInt(number))))
      part.op(`drop capability ${number} from the bounding set`, NR.prctl, [PR_CAPBSET_DROP, number, 0, 0, 0]);
}

/** Files that execvp(3) would try for `program`, in order. */
export function candidates(program: string, env: readonly string[]): string[] {
  if (program.includes("/")) return [program];
  const path =
    env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return path.split(":").map((folder) => `${folder || "."}/${program}`);
}

/** The last part: from the fully built container as its namespace's root to the user's program. */
export function planProcess(tape: Tape, part: Part, request: ProcessRequest): void {
  const { process, seccomp } = request;
  const args = process.args ?? [];
  if (args.length === 0 || args[0] === "") throw new HoyError("no command specified", { exitCode: 125, status: 400 });
  // only 0 to 2 and that socket are left when a path of the image is used: CVE-2024-21626. Before the limits: `nofile` may be below it
  part.op("keep the report's descriptor", NR.dup3, [request.report, REPORT, 0o2000000], { out: PlayerSlot.sync });
  part.op("close all descriptors", NR.close_range, [REPORT + 1, 0x7fffffff, 0]);
  planRlimits(tape, part, process.rlimits);
  if (process.noNewPrivileges) part.op("set no_new_privs", NR.prctl, [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  if (seccomp && !process.noNewPrivileges) planSeccomp(tape, part, seccomp);
  planBounding(part, process.capabilities?.bounding);
  if (process.user.uid !== 0 && process.capabilities?.permitted?.length)
    part.op("keep capabilities", NR.prctl, [PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  planIds(tape, part, request);
  planCapabilities(tape, part, process);
  part.op("set the parent-death signal", NR.prctl, [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);
  part.op(`chdir to ${process.cwd}`, NR.chdir, [process.cwd]);
  part.op("umask", NR.umask, [process.user.umask ?? 0o022]);
  if (seccomp && process.noNewPrivileges) planSeccomp(tape, part, seccomp);
  const argv = tape.strings(args);
  const env = tape.strings(process.env ?? []);
  const files = candidates(args[0] as string, process.env ?? []);
  files.forEach((file, index) => {
    // a failure is that of the name which was looked for, not of the last place
    part.op(`exec ${args[0]}`, NR.execve, [file, argv, env], index < files.length - 1 ? { ignore: [ENOENT, EACCES] } : {});
  });
}
