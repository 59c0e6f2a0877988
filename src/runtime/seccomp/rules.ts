/** From the rules of a spec to what each system call number of one ABI gets. */
import type { Seccomp, SeccompArg } from "../../spec/runtime.ts";
import { returnValue } from "./actions.ts";
import { isNarrow } from "./narrow.ts";
import { type SyscallTable, syscallNumbers } from "./syscalls.ts";

/** A comparison and how many bits of the argument the kernel will look at. */
export interface Condition {
  argument: SeccompArg;
  bits: 32 | 64;
}

export interface CallRule {
  /** All must hold. */
  conditions: readonly Condition[];
  /** SECCOMP_RET_* value. */
  action: number;
}

export interface CallRules {
  /** Without conditions; it wins over rules with some, as in libseccomp. */
  always?: number;
  /** The first that holds decides. */
  rules: CallRule[];
}

/**
 * i386 reaches many calls through one more door, socketcall(2) or ipc(2) with a number in its first argument: what a rule says
 * about the call it says about the door, without its conditions, since the arguments lie in memory there.
 */
const DOORS: Record<string, Record<string, number>> = {
  socketcall: {
    socket: 1,
    bind: 2,
    connect: 3,
    listen: 4,
    accept: 5,
    getsockname: 6,
    getpeername: 7,
    socketpair: 8,
    send: 9,
    recv: 10,
    sendto: 11,
    recvfrom: 12,
    shutdown: 13,
    setsockopt: 14,
    getsockopt: 15,
    sendmsg: 16,
    recvmsg: 17,
    accept4: 18,
    recvmmsg: 19,
    sendmmsg: 20,
  },
  ipc: {
    semop: 1,
    semget: 2,
    semctl: 3,
    semtimedop: 4,
    msgsnd: 11,
    msgrcv: 12,
    msgget: 13,
    msgctl: 14,
    shmat: 21,
    shmdt: 22,
    shmget: 23,
    shmctl: 24,
  },
};

/** The upper half of ipc's first argument is a version, which the kernel cuts off. */
const doorCondition = (number: number): Condition => ({
  argument: { index: 0, value: 0xffff, valueTwo: number, op: "SCMP_CMP_MASKED_EQ" },
  bits: 32,
});

/** Several conditions on one argument are alternatives, as runc and crun read them; otherwise all must hold. */
function alternatives(conditions: readonly Condition[]): (readonly Condition[])[] {
  const indexes = new Set(conditions.map(({ argument }) => argument.index));
  return indexes.size === conditions.length ? [conditions] : conditions.map((condition) => [condition]);
}

function add(calls: Map<number, CallRules>, number: number, { conditions, action }: CallRule): void {
  let call = calls.get(number);
  if (!call) {
    call = { rules: [] };
    calls.set(number, call);
  }
  if (conditions.length === 0) call.always ??= action;
  else for (const alternative of alternatives(conditions)) call.rules.push({ conditions: alternative, action });
}

export interface AbiRules {
  calls: Map<number, CallRules>;
  /** The highest number that the spec names: what lies above is newer than the spec. */
  last: number;
}

/** The rules for one ABI. Names that it does not have are skipped, since a profile names the calls of every architecture. */
export function collectRules(seccomp: Seccomp, table: SyscallTable): AbiRules {
  const numbers = syscallNumbers(table);
  const is32Bit = table === "x86" || table === "arm";
  const fallback = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const calls = new Map<number, CallRules>();
  let last = -1;
  for (const { names, action: name, errnoRet, args = [] } of seccomp.syscalls ?? []) {
    const action = returnValue(name, errnoRet);
    for (const call of names) {
      const number = numbers.get(call);
      if (number !== undefined && number > last) last = number;
      // What says what the default says has no say against other rules of the call, as in runc.
      if (action === fallback) continue;
      if (number !== undefined) {
        const bits = (index: number): 32 | 64 => (is32Bit || isNarrow(call, index) ? 32 : 64);
        add(calls, number, { conditions: args.map((argument) => ({ argument, bits: bits(argument.index) })), action });
      }
      if (table !== "x86") continue;
      for (const [door, behind] of Object.entries(DOORS)) {
        const inside = behind[call];
        const doorNumber = numbers.get(door);
        if (inside !== undefined && doorNumber !== undefined) add(calls, doorNumber, { conditions: [doorCondition(inside)], action });
      }
    }
  }
  return { calls, last };
}
