/** What linux.seccomp says about one call, worked out rule by rule: the oracle for the compiled program. */
import type { Seccomp, SeccompArg } from "../../../src/spec/runtime.ts";

export interface NamedCall {
  /** undefined: a number that the spec's tables do not know. */
  name: string | undefined;
  args: readonly bigint[];
  /** Above the highest number of a call that the spec names, on the ABI. */
  isNewer: boolean;
}

const BASE: Record<string, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

export function actionValue(action: string, errno = 1): number {
  return (BASE[action] ?? Number.NaN) + (action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE" ? errno : 0);
}

function holds({ index, value, valueTwo = 0, op }: SeccompArg, args: readonly bigint[]): boolean {
  const argument = args[index] ?? 0n;
  const wanted = BigInt(value);
  if (op === "SCMP_CMP_NE") return argument !== wanted;
  if (op === "SCMP_CMP_LT") return argument < wanted;
  if (op === "SCMP_CMP_LE") return argument <= wanted;
  if (op === "SCMP_CMP_EQ") return argument === wanted;
  if (op === "SCMP_CMP_GE") return argument >= wanted;
  if (op === "SCMP_CMP_GT") return argument > wanted;
  return (argument & wanted) === (BigInt(valueTwo) & wanted);
}

/** The filter's return value. */
export function evaluate(seccomp: Seccomp, { name, args, isNewer }: NamedCall): number {
  const fallback = actionValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  if (isNewer) {
    const refuses = !["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].includes(seccomp.defaultAction);
    return refuses && seccomp.defaultErrnoRet !== 38 ? 0x50000 + 38 : fallback;
  }
  const rules = (seccomp.syscalls ?? []).filter(
    (rule) => name !== undefined && rule.names.includes(name) && actionValue(rule.action, rule.errnoRet) !== fallback,
  );
  const always = rules.find((rule) => !rule.args?.length);
  if (always) return actionValue(always.action, always.errnoRet);
  for (const { args: conditions = [], action, errnoRet } of rules) {
    const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
    const met = repeated ? conditions.some((one) => holds(one, args)) : conditions.every((one) => holds(one, args));
    if (met) return actionValue(action, errnoRet);
  }
  return fallback;
}
