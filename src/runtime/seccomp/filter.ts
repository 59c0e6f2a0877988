/** The filter of a container: Docker's default comes ready made (scripts/seccomp.ts), anything else is compiled. */
import { release } from "node:os";
import type { Seccomp } from "../../spec/runtime.ts";
import type { SeccompProfile } from "../../spec/seccomp.ts";
import { DECIDING, KERNEL, PRECOMPILED } from "./default.generated.ts";
import { atLeast, machine } from "./profile.ts";

/**
 * The default profile's filter where it is ready made, which it is for the default capabilities and for none, with or without
 * those that the profile does not look at; struct sock_filter[]. `capabilities` are the full names of the bounding set.
 */
export function precompiledDefault(capabilities: readonly string[]): Uint8Array | undefined {
  const key = DECIDING.filter((name) => capabilities.includes(name)).join(" ");
  const found = PRECOMPILED.find((entry) => entry.arch === machine && entry.capabilities === key);
  return found && atLeast(release(), KERNEL) ? Buffer.from(found.filter, "base64") : undefined;
}

export interface FilterRequest {
  /** The bounding set, full names. */
  capabilities: readonly string[];
  /** Docker's default unless given. */
  profile?: SeccompProfile | undefined;
}

/** struct sock_filter[] of a Docker profile for a container on this machine. Throws a HoyError for one that is too long. */
export async function filterFor({ capabilities, profile }: FilterRequest): Promise<Uint8Array> {
  const ready = profile ? undefined : precompiledDefault(capabilities);
  if (ready) return ready;
  const { compileProfile } = await import("./compile.ts");
  return compileProfile(profile ?? (await import("./default.ts")).defaultProfile(), { capabilities });
}

/** struct sock_filter[] of linux.seccomp in a spec, for this machine. Throws a HoyError for rules that are too many. */
export async function filterForOci(seccomp: Seccomp): Promise<Uint8Array> {
  const { compileOci } = await import("./compile.ts");
  return compileOci(seccomp);
}
