/** AppArmor of this machine: whether there is any, which profiles are loaded, and how a process gets one (Linux security/apparmor). */
import { existsSync, readFileSync } from "../../../ffi/fs.ts";

const POLICY = "/sys/kernel/security/apparmor";

/**
 * True where containers get profiles: the kernel has AppArmor, and its policy can be seen. As dockerd, not inside of a container (whose
 * manager sets `container`), where the policy is the host's.
 */
export function hasAppArmor(): boolean {
  return isEnabled() && !process.env.container && existsSync(POLICY);
}

/** True when the kernel runs with AppArmor. */
export function isEnabled(): boolean {
  try {
    return readFileSync("/sys/module/apparmor/parameters/enabled", "latin1").startsWith("Y");
  } catch {
    return false;
  }
}

/** Names in the list of loaded profiles, a line each: `NAME (enforce)`; a name may have spaces. Root's to read. */
export const isLoaded = (name: string): boolean =>
  readFileSync(`${POLICY}/profiles`, "utf8")
    .split("\n")
    .some((line) => line.replace(/ \([a-z]+\)$/, "") === name);

/** The profile that this process runs under: `unconfined` where it has none. */
export const ownProfile = (): string =>
  readFileSync(`/proc/${attributeFile("current")}`, "utf8")
    .replace(/[\0\n]+$/, "")
    .replace(/ \([a-z]+\)$/, "");

/** Path below /proc of a file of the process's own, in AppArmor's folder where the kernel (5.1) has one beside other modules'. */
export function attributeFile(name: "current" | "exec"): string {
  const own = `thread-self/attr/apparmor/${name}`;
  return existsSync(`/proc/${own}`) ? own : `thread-self/attr/${name}`;
}
