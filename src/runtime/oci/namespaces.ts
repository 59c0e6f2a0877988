/** New namespaces of a spec, and those that are joined by path (config-linux.md, "Namespaces"). */
import { AT_FDCWD, O_CLOEXEC } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, slot } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { IDMapping, Linux, NamespaceType, Spec } from "../../spec/runtime.ts";
import { NAMESPACE_FLAGS } from "../start.ts";

const FILE = slot(0);
const O_WRONLY = 1;

/** The user namespace first, as it gives the rights for the others; the mount namespace last, as the paths lie in the present one. */
const ORDER: readonly NamespaceType[] = ["user", "ipc", "uts", "network", "pid", "cgroup", "time", "mount"];

export const hasNew = (spec: Spec, type: NamespaceType): boolean =>
  spec.linux?.namespaces?.some((namespace) => namespace.type === type && namespace.path === undefined) ?? false;

/** CLONE_NEW* for clone3(2). A time namespace with offsets is made before: a process enters it with the clone. */
export function newNamespaces(spec: Spec): number {
  let flags = 0;
  for (const { type, path } of spec.linux?.namespaces ?? [])
    if (path === undefined && type !== "cgroup" && !(type === "time" && spec.linux?.timeOffsets)) flags += NAMESPACE_FLAGS[type];
  return flags;
}

function checkOnce(namespaces: NonNullable<Linux["namespaces"]>): void {
  const twice = namespaces.find(({ type }, index) => namespaces.findIndex((other) => other.type === type) !== index);
  if (twice) throw new HoyError(`linux.namespaces: the ${twice.type} namespace is there twice`, { status: 400 });
}

/** What the player does before the clone: joins, and makes the time namespace. */
export function planNamespaces(spec: Spec): Part {
  const part = new Part();
  const namespaces = spec.linux?.namespaces ?? [];
  checkOnce(namespaces);
  const joined = ORDER.flatMap((type) => namespaces.filter((namespace) => namespace.type === type && namespace.path !== undefined));
  // all are opened first: what is joined may hide them
  for (const [index, { path = "" }] of joined.entries())
    part.op(`open the namespace ${path}`, NR.openat, [AT_FDCWD, path, O_CLOEXEC], { out: slot(1 + index) });
  for (const [index, { type, path }] of joined.entries())
    part.op(`join the ${type} namespace ${path}`, NR.setns, [slot(1 + index), NAMESPACE_FLAGS[type]]);
  const offsets = Object.entries(spec.linux?.timeOffsets ?? {});
  if (offsets.length > 0) {
    if (!hasNew(spec, "time")) throw new HoyError("linux.timeOffsets need a new time namespace", { status: 400 });
    const text = offsets.map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}`).join("\n");
    part.op("unshare the time namespace", NR.unshare, [NAMESPACE_FLAGS.time]);
    part.op("open the time offsets", NR.openat, [AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC], { out: FILE });
    part.op("set the time offsets", NR.write, [FILE, text, Buffer.byteLength(text)]).op("close", NR.close, [FILE]);
  }
  return part;
}

/** A new user namespace needs both maps. */
export function idMaps(spec: Spec): { uidMaps: IDMapping[]; gidMaps: IDMapping[] } | undefined {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {};
  if (!hasNew(spec, "user")) return undefined;
  if (uidMappings.length === 0 || gidMappings.length === 0)
    throw new HoyError("linux.uidMappings and linux.gidMappings are needed for a new user namespace", { status: 400 });
  return { uidMaps: [...uidMappings], gidMaps: [...gidMappings] };
}
