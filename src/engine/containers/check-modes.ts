/** What contradicts a shared namespace (moby runconfig/hostconfig_unix.go validateNetMode, and what runc refuses at the start). */
import type { ContainerConfig, HostConfig } from "./options.ts";
import { invalid } from "./parse/invalid.ts";
import { containerOf, hasOwnUsers } from "./parse/modes.ts";
import { checkSysctls } from "./parse/sysctl.ts";

const conflict = (what: string): Error => invalid(`conflicting options: ${what}`);

/** `config` as the user gave it: a host name that was made up contradicts nothing. Throws HoyError. */
export function checkModes(config: Pick<ContainerConfig, "Hostname" | "Domainname">, hostConfig: HostConfig): void {
  const { NetworkMode, IpcMode, PidMode, UTSMode, UsernsMode, Dns, ExtraHosts, OomScoreAdj } = hostConfig;
  if (containerOf(NetworkMode) !== undefined) {
    if (config.Hostname !== "") throw conflict("hostname and the network mode");
    if (config.Domainname !== "") throw conflict("domainname and the network mode");
    if (Dns?.length) throw conflict("dns and the network mode");
    if (ExtraHosts?.length) throw conflict("custom host-to-IP mapping and the network mode");
  }
  if (UTSMode === "host") {
    if (config.Hostname !== "") throw conflict("hostname and the UTS mode");
    // It would be set for the whole host.
    if (config.Domainname !== "") throw conflict("domainname and the UTS mode");
  }
  // What shows another container's namespaces may be mounted by root of a namespace above it alone.
  if (hasOwnUsers(UsernsMode))
    for (const [what, mode] of [
      ["PID", PidMode],
      ["IPC", IpcMode],
    ] as const)
      if (containerOf(mode) !== undefined) throw conflict(`a user namespace of its own and the ${what} mode ${mode}`);
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000) throw invalid(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  checkSysctls(hostConfig.Sysctls ?? {}, { network: NetworkMode === "host", ipc: IpcMode === "host" });
}
