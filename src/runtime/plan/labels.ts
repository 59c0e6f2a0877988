/**
 * What security modules are told about a process before its execve: AppArmor's profile and SELinux's label (proc_pid_attr(5)). The
 * files lie in a procfs that nothing of the image or of another container can stand in for: the caller's own, or one that was mounted
 * for this (CVE-2019-19921, CVE-2025-52881).
 */

import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from "../../../ffi/fd.ts";
import { statfsSync } from "../../../ffi/fs.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { type Part, type Slot, slot } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Process, Spec } from "../../spec/runtime.ts";
import { attributeFile, isEnabled } from "../apparmor/host.ts";
import { hasSelinux } from "../selinux/host.ts";

/** One write to a file below /proc. */
export interface ProcWrite {
  step: string;
  path: string;
  value: string;
}

const FILE = slot(45);
const PROC_SUPER_MAGIC = 0x9fa0;

/** Steps of these names fail for a reason of the module's own (explainLabel). */
const profileStep = (name: string): string => `set the AppArmor profile ${name}`;
const labelStep = (label: string): string => `set the SELinux label ${label}`;

type Labels = Pick<Process, "apparmorProfile" | "selinuxLabel">;

/**
 * The writes that make the next execve change profile and label; none for a process without. `unconfined` asks for nothing where the
 * kernel has no AppArmor. Throws HoyError for what the kernel cannot give.
 */
export function execLabels({ apparmorProfile: profile, selinuxLabel: label }: Labels): ProcWrite[] {
  const writes: ProcWrite[] = [];
  if (wantsProfile(profile)) writes.push({ step: profileStep(profile), path: attributeFile("exec"), value: `exec ${profile}` });
  if (label) {
    requireSelinux("process.selinuxLabel", label);
    writes.push({ step: labelStep(label), path: "thread-self/attr/exec", value: label });
  }
  if (writes.length > 0) checkProc();
  return writes;
}

/** The same for a first process that never executes (`--init`): its profile changes at once, its child inherits it. */
export function immediateProfile({ apparmorProfile: profile }: Labels): ProcWrite | undefined {
  if (!wantsProfile(profile)) return undefined;
  checkProc();
  return { step: profileStep(profile), path: attributeFile("current"), value: `changeprofile ${profile}` };
}

function wantsProfile(profile: string | undefined): profile is string {
  if (!profile) return false;
  if (isEnabled()) return true;
  if (profile === "unconfined") return false;
  throw new HoyError(`the AppArmor profile ${profile} cannot be applied: this kernel runs without AppArmor`, { status: 400 });
}

/** The label of keyrings that the process makes from now on; undefined: its own, as usual (go-selinux, SetKeyLabel). */
export const keyLabel = (label: string | undefined): ProcWrite => ({
  step: label === undefined ? "take back the SELinux label of keyrings" : labelStep(label),
  path: "thread-self/attr/keycreate",
  value: label ?? "\n",
});

/** linux.mountLabel, where the kernel can give it. Throws HoyError. */
export function checkedMountLabel({ linux }: Spec): string | undefined {
  const label = linux?.mountLabel || undefined;
  if (label !== undefined) requireSelinux("linux.mountLabel", label);
  return label;
}

/** Throws HoyError where SELinux is not enabled; `what` of the spec asks for it. */
function requireSelinux(what: string, label: string): void {
  if (!hasSelinux())
    throw new HoyError(`${what}: the SELinux label ${label} cannot be applied: SELinux is disabled or not supported by this kernel`, {
      status: 400,
    });
}

/** What is mounted there could be anything: without it, a profile would be written to a file that sets none (CVE-2019-16884). */
function checkProc(): void {
  if (statfsSync("/proc").type !== PROC_SUPER_MAGIC)
    throw new HoyError("/proc is no proc file system, so that neither AppArmor profile nor SELinux label can be set");
}

/** Writes through our own /proc: of a process that has not entered the container yet. */
export function writeHostProc(part: Part, writes: readonly ProcWrite[]): void {
  for (const { step, path, value } of writes) {
    part.op(step, NR.openat, [AT_FDCWD, `/proc/${path}`, O_WRONLY | O_CLOEXEC], { out: FILE });
    writeTo(part, FILE, { step, value }).op("close", NR.close, [FILE]);
  }
}

export const writeTo = (part: Part, file: Slot | number, { step, value }: Pick<ProcWrite, "step" | "value">): Part =>
  part.op(step, NR.write, [file, value, Buffer.byteLength(value)]);

/** Why one of these steps failed, in words; undefined for other steps. */
export function explainLabel(step: string, code: string): { message: string; hint?: string } | undefined {
  const profile = /^set the AppArmor profile (.*)$/s.exec(step)?.[1];
  if (profile !== undefined) {
    if (code === "ENOENT")
      return {
        message: `the AppArmor profile ${profile} is not loaded`,
        hint: "apparmor_parser -r loads a profile, and /sys/kernel/security/apparmor/profiles lists those there are",
      };
    if (code === "EACCES" || code === "EPERM")
      return { message: `the AppArmor profile ${profile} is refused: the one that hoy runs under does not allow the change` };
    return undefined;
  }
  const label = /^set the SELinux label (.*)$/s.exec(step)?.[1];
  return label !== undefined && code === "EINVAL" ? { message: `the SELinux label ${label} is not valid in the loaded policy` } : undefined;
}
