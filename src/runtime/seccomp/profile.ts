/** A Docker profile, whose rules depend on capabilities, architecture and kernel → the OCI form, where nothing depends. */
import { release } from "node:os";
import type { Seccomp, SeccompSyscall } from "../../spec/runtime.ts";
import type { ProfileCondition, SeccompProfile } from "../../spec/seccomp.ts";

/** Docker's names of the machines that hoy runs on. */
export type Machine = "amd64" | "arm64";

export const machine: Machine = process.arch === "arm64" ? "arm64" : "amd64";

export const NATIVE: Record<Machine, string> = { amd64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };

export interface Circumstances {
  /** The container's bounding set, full names. */
  capabilities: readonly string[];
  /** This machine's unless given. */
  arch?: Machine;
  /** As uname(2) has it; the running kernel's unless given. */
  kernel?: string;
}

/** True for `6.1.0-18-amd64` and `4.8`. */
export function atLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

interface Facts {
  capabilities: ReadonlySet<string>;
  arch: Machine;
  kernel: string;
}

const applies = ({ caps = [], arches = [], minKernel }: ProfileCondition, { capabilities, arch, kernel }: Facts): boolean =>
  caps.every((name) => capabilities.has(name)) &&
  (arches.length === 0 || arches.includes(arch)) &&
  (minKernel === undefined || atLeast(kernel, minKernel));

/** Any one of them excludes, as in Docker. */
const excluded = ({ caps = [], arches = [], minKernel }: ProfileCondition, { capabilities, arch, kernel }: Facts): boolean =>
  caps.some((name) => capabilities.has(name)) || arches.includes(arch) || (minKernel !== undefined && atLeast(kernel, minKernel));

function architectures(profile: SeccompProfile, arch: Machine): string[] | undefined {
  if (profile.architectures?.length) return profile.architectures;
  const own = profile.archMap?.find(({ architecture }) => architecture === NATIVE[arch]);
  return own && [own.architecture, ...(own.subArchitectures ?? [])];
}

/** `linux.seccomp` of config.json for a profile, with the rules that hold for the container. Members stand in the schema's order. */
export function ociSeccompFor(profile: SeccompProfile, circumstances: Circumstances): Seccomp {
  const facts: Facts = {
    capabilities: new Set(circumstances.capabilities),
    arch: circumstances.arch ?? machine,
    kernel: circumstances.kernel ?? release(),
  };
  const syscalls: SeccompSyscall[] = [];
  for (const rule of profile.syscalls ?? []) {
    if (excluded(rule.excludes ?? {}, facts) || !applies(rule.includes ?? {}, facts)) continue;
    syscalls.push({
      names: rule.name ? [rule.name] : (rule.names ?? []),
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      ...(rule.args?.length ? { args: rule.args } : {}),
    });
  }
  const arches = architectures(profile, facts.arch);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(arches ? { architectures: arches } : {}),
    ...(profile.flags ? { flags: profile.flags } : {}),
    ...(profile.listenerPath ? { listenerPath: profile.listenerPath } : {}),
    ...(profile.listenerMetadata ? { listenerMetadata: profile.listenerMetadata } : {}),
    syscalls,
  };
}
