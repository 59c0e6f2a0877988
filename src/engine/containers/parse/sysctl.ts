/** `--sysctl` (docker/cli opts.ValidateSysctl; runc libcontainer/configs/validate, whose rules and words the daemon hands on). */
import { sysctlNamespace } from "../../../runtime/sysctl.ts";
import { invalid } from "./invalid.ts";

const isIpc = (name: string): boolean => sysctlNamespace(name) === "ipc";
const isNetwork = (name: string): boolean => sysctlNamespace(name) === "network";

/** `net.ipv4.ip_forward=1`. A slash would lead to files that are not the namespace's. */
export function parseSysctl(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  const name = text.slice(0, equals);
  if (equals < 0 || !(isIpc(name) || isNetwork(name)) || name.includes("/")) throw invalid(`sysctl '${text}' is not allowed`);
  return [name, text.slice(equals + 1)];
}

/** A setting of a namespace that the container has from the host is the host's. Throws HoyError. */
export function checkSysctls(sysctls: Readonly<Record<string, string>>, ofHost: { network: boolean; ipc: boolean }): void {
  for (const name of Object.keys(sysctls)) {
    if (isNetwork(name) && ofHost.network) throw invalid(`sysctl "${name}" not allowed in host network namespace`);
    if (isIpc(name) && ofHost.ipc) throw invalid(`sysctl "${name}" is not allowed in the hosts ipc namespace`);
    if (!isNetwork(name) && !isIpc(name)) throw invalid(`sysctl "${name}" is not in a separate kernel namespace`);
  }
}
