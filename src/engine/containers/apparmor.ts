/** Which AppArmor profile a container gets (moby daemon/apparmor_default.go, daemon/pkg/oci WithApparmor). */
import { hasAppArmor, isEnabled } from "../../runtime/apparmor/host.ts";
import type { Store } from "../../state/store.ts";
import type { HostConfig } from "./options.ts";
import { invalid } from "./parse/invalid.ts";
import { securityOptions } from "./parse/security-opt.ts";

/** Docker's, so that hoy, dockerd and an administrator's profile of that name are one. */
const DEFAULT_PROFILE = "docker-default";

type Confined = Pick<HostConfig, "SecurityOpt" | "Privileged">;

const profileOption = ({ SecurityOpt }: Confined): string => securityOptions(SecurityOpt ?? []).appArmor;

/**
 * The profile's name; empty for none. What the user asked for; else, where containers get profiles and hoy may load one (root's alone,
 * as in Docker), the default one, or none in force for --privileged.
 */
export function containerProfile(hostConfig: Confined, { rootless }: Pick<Store, "rootless">): string {
  const asked = profileOption(hostConfig);
  if (asked || rootless || !hasAppArmor()) return asked;
  return hostConfig.Privileged ? "unconfined" : DEFAULT_PROFILE;
}

/** Throws HoyError for a profile that no kernel setting can make true here. dockerd would start the container without it. */
export function checkProfile(hostConfig: Confined): void {
  const asked = profileOption(hostConfig);
  if (asked && asked !== "unconfined" && !isEnabled())
    throw invalid(`--security-opt apparmor=${asked}: this kernel runs without AppArmor`, "only apparmor=unconfined can be had here");
}

/** Has the default profile loaded before a process asks for it. */
export async function loadProfile(profile: string, { rootless }: Pick<Store, "rootless">): Promise<void> {
  if (profile !== DEFAULT_PROFILE || rootless || !hasAppArmor()) return;
  const { loadDefaultProfile } = await import("../../runtime/apparmor/load.ts");
  await loadDefaultProfile(profile);
}
