/** SELinux of this machine (go-selinux, GetEnabled): enabled means that a policy is loaded, as processes have labels only then. */
import { readFileSync, statfsSync } from "../../../ffi/fs.ts";

const SELINUX_MAGIC = 0xf97cff8c;

/** True where selinuxfs is mounted and this process has a label. */
export function hasSelinux(): boolean {
  try {
    return statfsSync("/sys/fs/selinux").type === SELINUX_MAGIC && ownLabel() !== "kernel";
  } catch {
    return false;
  }
}

/** Label of this process: `kernel` before a policy is loaded. */
export const ownLabel = (): string => readFileSync("/proc/thread-self/attr/current", "utf8").replace(/[\0\n]+$/, "");
