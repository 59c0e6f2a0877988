/**
 * linux.seccomp of a spec → the classic BPF program that seccomp(2) takes: per ABI a binary tree over ranges of system call
 * numbers, at its leaves an action or comparisons of arguments.
 *
 *     load arch ─ native? ─ load nr ─ tree           an ABI that the spec does not list kills the process
 *               └ 32 bit? ─ load nr ─ tree
 *               └ kill
 */
import { HoyError } from "../../spec/error.ts";
import type { Seccomp } from "../../spec/runtime.ts";
import type { SeccompProfile } from "../../spec/seccomp.ts";
import { KILL_PROCESS, returnValue } from "./actions.ts";
import { assemble, jump, load, MAX_INSTRUCTIONS, type Program, type Target } from "./assemble.ts";
import { compare } from "./conditions.ts";
import { type Circumstances, type Machine, machine, ociSeccompFor } from "./profile.ts";
import { type CallRules, collectRules } from "./rules.ts";
import { type SyscallTable, X32_BIT } from "./syscalls.ts";

const NR = 0;
const ARCH = 4;
const ENOSYS = 38;

/** AUDIT_ARCH_* */
const AUDIT = { x86_64: 0xc000003e, x86: 0x40000003, arm64: 0xc00000b7, arm: 0x40000028 } as const;

/** A tracer that skips a call (PTRACE, since Linux 4.8) shows this number to the filter. */
const SKIPPED = 0xffffffff;

interface Range {
  /** The first number of the range, which ends where the next begins. */
  from: number;
  target: Target | CallRules;
}

/** Actions without arguments that depend on a call's number alone. */
const isPlain = (target: Range["target"]): target is { action: number } => typeof target === "object" && "action" in target;

/**
 * What a call above the highest one known to the spec gets: ENOSYS where the default refuses, so that a libc newer than the
 * spec falls back instead of failing (runc does the same with each filter); not where a default of ENOSYS says so already.
 */
function beyond(seccomp: Seccomp, fallback: number): number {
  const permissive = /^SCMP_ACT_(ALLOW|LOG|TRACE)$/.test(seccomp.defaultAction);
  return permissive || seccomp.defaultErrnoRet === ENOSYS ? fallback : returnValue("SCMP_ACT_ERRNO", ENOSYS);
}

function ranges(seccomp: Seccomp, table: SyscallTable): Range[] {
  const fallback = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const { calls, last } = collectRules(seccomp, table);
  const list: Range[] = [];
  const add = (from: number, target: Range["target"]): void => {
    const before = list.at(-1)?.target;
    if (before && isPlain(before) && isPlain(target) && before.action === target.action) return;
    list.push({ from, target });
  };
  let next = 0;
  for (const number of [...calls.keys()].sort((a, b) => a - b)) {
    const call = calls.get(number) as CallRules;
    if (number > next) add(next, { action: fallback });
    add(number, call.always === undefined ? call : { action: call.always });
    next = number + 1;
  }
  if (next <= last) add(next, { action: fallback });
  // Of an ABI of which the spec knows no call, nothing can be said to be newer.
  add(Math.max(next, last + 1), { action: last < 0 ? fallback : beyond(seccomp, fallback) });
  return list;
}

/** Code for one call with conditions: the first rule whose comparisons all hold decides. */
function leaf(program: Program, call: CallRules, fallback: Target): Target {
  let next = fallback;
  for (const { conditions, action } of call.rules.toReversed()) {
    let yes: Target = { action };
    for (const condition of conditions.toReversed()) yes = compare(program, { ...condition, yes, no: next });
    next = yes;
  }
  return next;
}

/** Code for all numbers of an ABI, with the number in the accumulator. */
function tree(program: Program, seccomp: Seccomp, table: SyscallTable): Target {
  const list = ranges(seccomp, table);
  const fallback: Target = { action: returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet) };
  const emit = (from: number, to: number): Target => {
    const { target } = list[from] as Range;
    if (to - from === 1) return typeof target === "object" && "rules" in target ? leaf(program, target, fallback) : target;
    const middle = (from + to) >> 1;
    const upper = emit(middle, to);
    const lower = emit(from, middle);
    return jump(program, "ge", (list[middle] as Range).from, upper, lower);
  };
  return emit(0, list.length);
}

/**
 * The filter as struct sock_filter[] for this machine or the one named. Its own ABI always counts; x32, i386 and arm where
 * `architectures` lists them; calls of others kill the process.
 * Throws a HoyError where the rules need more instructions than the kernel takes.
 */
export function compileOci(seccomp: Seccomp, arch: Machine = machine): Uint8Array {
  const program: Program = [];
  const listed = new Set(seccomp.architectures);
  const kill: Target = { action: KILL_PROCESS };
  const section = (table: SyscallTable): Target => load(program, NR, tree(program, seccomp, table));

  let start: Target = kill;
  if (arch === "amd64") {
    if (listed.has("SCMP_ARCH_X86")) start = jump(program, "eq", AUDIT.x86, section("x86"), start);
    const skipped: Target = { action: returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet) };
    const x32 = listed.has("SCMP_ARCH_X32") ? tree(program, seccomp, "x32") : jump(program, "eq", SKIPPED, skipped, kill);
    const native = load(program, NR, jump(program, "ge", X32_BIT, x32, tree(program, seccomp, "x86_64")));
    start = jump(program, "eq", AUDIT.x86_64, native, start);
  } else {
    if (listed.has("SCMP_ARCH_ARM")) start = jump(program, "eq", AUDIT.arm, section("arm"), start);
    start = jump(program, "eq", AUDIT.arm64, section("arm64"), start);
  }
  const bytes = assemble(program, load(program, ARCH, start));
  if (bytes.length / 8 > MAX_INSTRUCTIONS) {
    throw new HoyError(`the seccomp rules need ${bytes.length / 8} instructions, the kernel takes ${MAX_INSTRUCTIONS}`, {
      hint: "use fewer rules with conditions on arguments",
    });
  }
  return bytes;
}

/** A Docker profile's filter for a container with the given bounding set. */
export const compileProfile = (profile: SeccompProfile, circumstances: Circumstances): Uint8Array =>
  compileOci(ociSeccompFor(profile, circumstances), circumstances.arch);
