/** What a filter answers (seccomp(2), SECCOMP_RET_*). */
import { HoyError } from "../../spec/error.ts";
import type { SeccompAction } from "../../spec/runtime.ts";

const RETURNS: Record<SeccompAction, number> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

export const KILL_PROCESS = RETURNS.SCMP_ACT_KILL_PROCESS;

const EPERM = 1;
const MAX_ERRNO = 4095;

/** The filter's return value; ERRNO and TRACE carry a number, EPERM unless given. Throws for an errno beyond the kernel's 4095. */
export function returnValue(action: SeccompAction, errno: number = EPERM): number {
  if (action === "SCMP_ACT_ERRNO" && errno > MAX_ERRNO)
    throw new HoyError(`seccomp: errnoRet ${errno} is above ${MAX_ERRNO}`, { status: 400 });
  return action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE" ? RETURNS[action] + errno : RETURNS[action];
}
