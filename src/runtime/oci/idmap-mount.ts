/**
 * Binds whose files show other owners than they have (config.md, "idmap", "ridmap", uidMappings): mount_setattr(2) with
 * MOUNT_ATTR_IDMAP takes the map of a user namespace. hoy makes these mounts itself, as the rights over the file system are its own.
 */
import { type Fd, O_RDONLY, open } from "../../../ffi/fd.ts";
import { HoyError } from "../../spec/error.ts";
import type { Mount, Spec } from "../../spec/runtime.ts";
import { parseMountOptions } from "../plan/mount-options.ts";
import { makeUserNamespace, mapTree } from "../user-namespace.ts";
import { idMaps } from "./namespaces.ts";

/** The mount's own map, else that of the container's user namespace. */
function namespaceOf(mount: Mount, spec: Spec): Fd {
  const { uidMappings = [], gidMappings = [], destination } = mount;
  if (uidMappings.length > 0 && gidMappings.length > 0) return makeUserNamespace({ uidMaps: uidMappings, gidMaps: gidMappings });
  if (uidMappings.length > 0 || gidMappings.length > 0)
    throw new HoyError(`the mount on ${destination}: uidMappings and gidMappings go together`, { status: 400 });
  const own = idMaps(spec);
  if (own) return makeUserNamespace(own);
  const joined = spec.linux?.namespaces?.find(({ type }) => type === "user")?.path;
  if (joined !== undefined) return open(joined, O_RDONLY);
  throw new HoyError(`the mount on ${destination}: "idmap" needs uidMappings and gidMappings, or a user namespace of the container`, {
    status: 400,
  });
}

export const isMapped = (mount: Mount): boolean =>
  parseMountOptions(mount.destination, mount.options ?? []).idMap !== undefined ||
  (mount.uidMappings ?? []).length + (mount.gidMappings ?? []).length > 0;

/** The bind as a detached mount with the map set; the player sets its other attributes. Throws HoyError. */
export function mapMount(spec: Spec, mount: Mount): Fd {
  const { destination, source = "" } = mount;
  const options = parseMountOptions(destination, mount.options ?? []);
  if (!options.bind && mount.type !== "bind")
    throw new HoyError(`the mount on ${destination} is no bind: ids are mapped for these alone`, { status: 400 });
  using namespace = namespaceOf(mount, spec);
  const mapped = mapTree(source, namespace, { recursive: options.recursive, below: options.idMap === "ridmap" });
  if (mapped) return mapped;
  throw new HoyError(`map the ids of ${source} on ${destination}: invalid argument`, {
    hint: "this file system, or this kernel's, has no mounts with other ids",
  });
}
