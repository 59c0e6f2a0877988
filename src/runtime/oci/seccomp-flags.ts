/** linux.seccomp.flags as seccomp(2) takes them. */
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";

export const SECCOMP_FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

/** Undefined: the runtime's own choice. */
export function seccompFlags(spec: Spec): number | undefined {
  const names = spec.linux?.seccomp?.flags;
  if (!names?.length) return undefined;
  return names.reduce((flags, name) => {
    const flag = SECCOMP_FLAGS[name];
    if (flag === undefined) throw new HoyError(`linux.seccomp.flags: ${name} needs a listener, which is not supported`, { status: 400 });
    return flags | flag;
  }, 0);
}
