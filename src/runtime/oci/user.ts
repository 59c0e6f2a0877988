/** Who we are to the kernel: root, root of a user namespace, or an ordinary user; and the ids of a namespace that we make. */
import { readFileSync, writeFileSync } from "../../../ffi/fs.ts";
import { HoyError } from "../../spec/error.ts";
import type { IDMapping, Spec } from "../../spec/runtime.ts";
import { detectCgroups } from "../cgroup/host.ts";
import { writeMaps } from "../idmap.ts";
import { idMaps } from "./namespaces.ts";

const INITIAL = /^\s*0\s+0\s+4294967295\s*$/;

let inside: boolean | undefined;

/** True in any user namespace but the first, where devices can be neither made nor ruled. */
export function inUserNamespace(): boolean {
  inside ??= process.geteuid?.() !== 0 || !INITIAL.test(readFileSync("/proc/self/uid_map", "utf8").trim());
  return inside;
}

/** An ordinary user without cgroups of its own goes without, unless the spec asks for a limit: that is an error then (planCgroup). */
export function mayManageCgroups(spec: Spec): boolean {
  const { v1, v2 } = detectCgroups();
  if (v1.some(({ base }) => base !== null) || v2?.base) return true;
  const { devices: _devices, ...limits } = spec.linux?.resources ?? {};
  return Object.keys(limits).length > 0;
}

/** setgroups(2) is denied in a namespace with a single group that an ordinary user made. */
export function maySetGroups(spec: Spec): boolean {
  const maps = idMaps(spec);
  if (maps && process.geteuid?.() !== 0) return maps.gidMaps.length > 1 || (maps.gidMaps[0]?.size ?? 1) > 1;
  return readFileSync("/proc/self/setgroups", "utf8").trim() === "allow";
}

const line = ({ containerID, hostID, size }: IDMapping): string => `${containerID} ${hostID} ${size}`;

/** Writes the maps of a process that has just entered its user namespace. Throws HoyError. */
export function writeIdMaps(pid: number, maps: { uidMaps: IDMapping[]; gidMaps: IDMapping[] }): void {
  if (process.geteuid?.() !== 0) {
    const single = [...maps.uidMaps, ...maps.gidMaps].every(({ size }) => size === 1) && maps.uidMaps.length === 1;
    writeMaps(pid, { ...maps, needsHelpers: !single });
    return;
  }
  try {
    writeFileSync(`/proc/${pid}/gid_map`, maps.gidMaps.map(line).join("\n"));
    writeFileSync(`/proc/${pid}/uid_map`, maps.uidMaps.map(line).join("\n"));
  } catch (error) {
    throw new HoyError(`cannot set up the container's user namespace: ${(error as Error).message}`, { cause: error });
  }
}
