/** How the kernel schedules the process: sched_setattr(2), ioprio_set(2), personality(2) (runtime-spec config.md, "process"). */
import { NR } from "../../../ffi/syscalls.ts";
import type { Part, Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Linux, Process } from "../../spec/runtime.ts";
import { bitMask, parseNumberList } from "../number-list.ts";

const POLICIES: Record<string, number> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const FLAGS: Record<string, number> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};
const IO_CLASSES: Record<string, number> = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 };
const IOPRIO_WHO_PROCESS = 1;
const CLASS_SHIFT = 13;
/** sched_attr's first size (SCHED_ATTR_SIZE_VER0). */
const SIZE = 48;
const PER_LINUX32 = 8;

function known(table: Record<string, number>, name: string, member: string): number {
  const number = table[name];
  if (number === undefined) throw new HoyError(`${member}: unknown value ${name}`, { status: 400 });
  return number;
}

export function planScheduling(tape: Tape, part: Part, { scheduler, ioPriority }: Process): void {
  if (scheduler) {
    const flags = (scheduler.flags ?? []).reduce((all, name) => all | known(FLAGS, name, "process.scheduler.flags"), 0);
    const attributes = Buffer.alloc(SIZE);
    attributes.writeUInt32LE(SIZE, 0);
    attributes.writeUInt32LE(known(POLICIES, scheduler.policy, "process.scheduler.policy"), 4);
    attributes.writeBigUInt64LE(BigInt(flags), 8);
    attributes.writeInt32LE(scheduler.nice ?? 0, 16);
    attributes.writeUInt32LE(scheduler.priority ?? 0, 20);
    attributes.writeBigUInt64LE(BigInt(scheduler.runtime ?? 0), 24);
    attributes.writeBigUInt64LE(BigInt(scheduler.deadline ?? 0), 32);
    attributes.writeBigUInt64LE(BigInt(scheduler.period ?? 0), 40);
    part.op(`set the scheduling policy ${scheduler.policy}`, NR.sched_setattr, [0, tape.bytes(attributes), 0]);
  }
  if (ioPriority) {
    const value = (known(IO_CLASSES, ioPriority.class, "process.ioPriority.class") << CLASS_SHIFT) | ioPriority.priority;
    part.op(`set the I/O priority ${ioPriority.class}`, NR.ioprio_set, [IOPRIO_WHO_PROCESS, 0, value]);
  }
}

/** The CPUs that the process may run on, a list such as `0-3,7`. */
export function planAffinity(tape: Tape, part: Part, cpus: string | undefined): void {
  const mask = bitMask(parseNumberList(cpus ?? "", "process.execCPUAffinity"));
  if (cpus) part.op(`run on the CPUs ${cpus}`, NR.sched_setaffinity, [0, mask.length, tape.bytes(mask)]);
}

export function planPersonality(part: Part, personality: Linux["personality"]): void {
  if (!personality) return;
  if (personality.flags?.length) throw new HoyError("linux.personality.flags are not supported", { status: 400 });
  part.op(`set the personality ${personality.domain}`, NR.personality, [personality.domain === "LINUX32" ? PER_LINUX32 : 0]);
}
