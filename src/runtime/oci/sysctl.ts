/** linux.sysctl may set what is of a namespace of the container's own: anything else would be the host's (runc, with its words). */
import { statSync } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { sysctlNamespace } from "../sysctl.ts";

/** `net/ipv4/conf/eth0.1/x` → `net.ipv4.conf.eth0/1.x`: what separates is what comes first (sysctl.d(5)). */
function dotted(name: string): string {
  if (/^[^/]*\./.test(name)) return name;
  return name.replace(/[./]/g, (letter) => (letter === "/" ? "." : "/"));
}

const identity = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
};

/** A new namespace, or one by path that is not the caller's. */
function isOwn({ linux }: Spec, type: "ipc" | "network" | "uts"): boolean {
  const namespace = linux?.namespaces?.find((one) => one.type === type);
  if (!namespace?.path) return namespace !== undefined;
  return identity(namespace.path) !== identity(`/proc/self/ns/${type === "network" ? "net" : type}`);
}

/** Throws a HoyError for the first setting that is not the container's own. */
export function checkSpecSysctls(spec: Spec): void {
  const refuse = (text: string): never => {
    throw new HoyError(`config.json: ${text}`, { status: 400 });
  };
  for (const given of Object.keys(spec.linux?.sysctl ?? {})) {
    const name = dotted(given);
    const type = sysctlNamespace(name);
    if (type === undefined || given.split("/").includes("..")) refuse(`sysctl "${given}" is not in a separate kernel namespace`);
    else if (name === "kernel.hostname") refuse(`sysctl "${given}" is not allowed as it conflicts with the OCI "hostname" field`);
    else if (!isOwn(spec, type))
      refuse(
        type === "network"
          ? `sysctl "${given}" not allowed in host network namespace`
          : `sysctl "${given}" is not allowed in the hosts ${type} namespace`,
      );
  }
}
