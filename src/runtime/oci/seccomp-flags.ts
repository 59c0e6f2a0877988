/** linux.seccomp.flags as seccomp(2) takes them. */
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { notifies } from "./seccomp-agent.ts";

export const SECCOMP_FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};
const TSYNC = 1;
/** With a listener the call's result is its descriptor: a thread that cannot follow has to be an errno (seccomp(2)). */
const TSYNC_ESRCH = 16;
const WAIT_KILLABLE_RECV = 32;

/** Undefined: the runtime's own choice. */
export function seccompFlags(spec: Spec): number | undefined {
  const seccomp = spec.linux?.seccomp;
  const names = seccomp?.flags;
  if (!names?.length) return undefined;
  const flags = names.reduce((all, name) => all | (SECCOMP_FLAGS[name] ?? 0), 0);
  const listens = notifies(seccomp);
  if (flags & WAIT_KILLABLE_RECV && !listens)
    throw new HoyError("linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for filters with SCMP_ACT_NOTIFY", { status: 400 });
  return listens && flags & TSYNC ? flags | TSYNC_ESRCH : flags;
}
