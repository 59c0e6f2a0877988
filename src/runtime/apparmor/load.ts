/** Loads Docker's default profile into the kernel where it is not there yet; loaded only when a container needs it. */
import { check, EEXIST } from "../../../ffi/errno.ts";
import { O_CLOEXEC, O_WRONLY, open } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { isLoaded, ownProfile } from "./host.ts";

/**
 * After it, a profile of the name is loaded: this one, or what was there already (dockerd's, or an administrator's of that name).
 * Throws HoyError where the kernel refuses it.
 */
export async function loadDefaultProfile(name: string): Promise<void> {
  try {
    if (isLoaded(name)) return;
    const [{ dockerDefault }, { encodeProfile }] = await Promise.all([import("./docker-default.ts"), import("./policy.ts")]);
    const policy = encodeProfile(dockerDefault(name, ownProfile()));
    // `.load` refuses a name that somebody else has loaded meanwhile, where `.replace` would take theirs away
    using file = open("/sys/kernel/security/apparmor/.load", O_WRONLY | O_CLOEXEC);
    const written = sys(NR.write, file.number, policy, policy.length);
    if (written !== -EEXIST) check(written, "write the policy");
  } catch (error) {
    throw new HoyError(`cannot load the AppArmor profile ${name}: ${(error as Error).message}`, {
      hint: "--security-opt apparmor=unconfined runs a container without one",
      exitCode: 125,
      cause: error,
    });
  }
}
