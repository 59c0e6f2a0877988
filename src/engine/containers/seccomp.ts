/** The seccomp profile of a container: as the filter that the kernel gets, and as config.json has it. */
import { release } from "node:os";
import { filterFor } from "../../runtime/seccomp/filter.ts";
import type { Seccomp } from "../../spec/runtime.ts";
import type { SeccompChoice } from "./spec.ts";

/** The filter of a choice; undefined: unconfined. */
export async function seccompFilter(choice: SeccompChoice, capabilities: readonly string[]): Promise<Uint8Array | undefined> {
  if (choice.kind === "unconfined") return undefined;
  if (choice.kind === "default") return filterFor({ capabilities });
  const { parseSeccompProfile } = await import("../../spec/seccomp.ts");
  return filterFor({ capabilities, profile: parseSeccompProfile(choice.json) });
}

/**
 * What config.json says of it: a profile of the user's own stands in config.json in full; `whole`: the default one, too, which another runtime has to read there.
 */
export async function expandSeccomp(choice: SeccompChoice, capabilities: readonly string[], whole: boolean): Promise<Seccomp | undefined> {
  if (choice.kind === "default" && whole) {
    const { defaultProfile } = await import("../../runtime/seccomp/default.ts");
    const { ociSeccompFor } = await import("../../runtime/seccomp/profile.ts");
    return ociSeccompFor(defaultProfile(), { capabilities, kernel: release() });
  }
  if (choice.kind !== "profile") return undefined;
  const { parseSeccompProfile } = await import("../../spec/seccomp.ts");
  const { ociSeccompFor } = await import("../../runtime/seccomp/profile.ts");
  return ociSeccompFor(parseSeccompProfile(choice.json), { capabilities, kernel: release() });
}
