/** From a container's options to the OCI spec of this start: what depends on the image's files, the host and the mounts as they are now. */
import { mknodAt, S_IFREG } from "../../../ffi/at.ts";
import { EEXIST } from "../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_PATH, openInRoot } from "../../../ffi/fd.ts";
import { existsSync, readFileSync } from "../../../ffi/fs.ts";
import type { CgroupHost } from "../../runtime/cgroup/host.ts";
import { readInRoot } from "../../runtime/inroot.ts";
import { resolveUser } from "../../runtime/users.ts";
import { withoutLeadingSlashes } from "../../spec/path.ts";
import type { Mount, Spec } from "../../spec/runtime.ts";
import { checkIds } from "../../state/own-ids.ts";
import type { Store } from "../../state/store.ts";
import { containerProfile } from "./apparmor.ts";
import { cgroupParent, type ScopePlace } from "./cgroup.ts";
import { blockDeviceNumbers, containerDevices } from "./devices.ts";
import type { OwnIds } from "./own-ids.ts";
import type { ContainerRow } from "./row.ts";
import type { Scope } from "./scope.ts";
import type { Sharing } from "./shared.ts";
import { type MountPlace, resolveMounts } from "./sources.ts";
import { buildSpec, type SeccompChoice } from "./spec.ts";
import type { ContainerFiles, ResolvedMount } from "./spec-mounts.ts";

const MAX_PASSWD = 4 << 20;

/** Ids of this process's user namespace as [first, count]; the whole range outside of one. */
function mappedIds(file: string): [number, number][] {
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" ").filter(Boolean).map(Number))
    .map(([first = 0, , count = 0]) => [first, count]);
}

const mapsGroup = (gid: number): boolean => mappedIds("/proc/self/gid_map").some(([first, count]) => gid >= first && gid < first + count);

export interface Planned {
  spec: Spec;
  seccomp: SeccompChoice;
  mounts: readonly ResolvedMount[];
}

export interface Surroundings {
  store: Store;
  row: ContainerRow;
  host: CgroupHost;
  place: MountPlace;
  files: ContainerFiles;
  sharing: Sharing;
  scope: Scope | undefined;
  own: OwnIds | undefined;
}

/** The OCI spec of a start, and its mounts with their sources. Throws HoyError. */
export function planSpec({ store, row, host, place, files, sharing, scope, own }: Surroundings): Planned {
  const { options } = row;
  const text = (path: string): string | undefined => readInRoot(place.rootfs.number, path, MAX_PASSWD)?.toString("utf8");
  const user = resolveUser({
    spec: options.config.User,
    passwd: text("etc/passwd"),
    group: text("etc/group"),
    groupAdd: options.hostConfig.GroupAdd,
  });
  if (store.rootless && !own) checkIds({ uid: user.uid, gids: [user.gid] });
  const mounts = resolveMounts(store, row, place);
  const built = buildSpec({
    options,
    id: row.id,
    user,
    host: {
      cgroupVersion: host.mode === "v2" ? 2 : 1,
      mapsGroup: own?.mapsGroup ?? mapsGroup,
      recursiveReadOnly: true,
      hasMessageQueues: sharing.ipc === "host" && existsSync("/dev/mqueue"),
    },
    files,
    sharing,
    mounts,
    devices: containerDevices(options.hostConfig),
    deviceNumbers: blockDeviceNumbers,
    rootless: store.rootless || own !== undefined,
    appArmorProfile: containerProfile(options.hostConfig, store),
    cgroupPath: scope ? unitPath(scope.place) : `/${withoutLeadingSlashes(cgroupParent(store, row))}/${row.id}`,
  });
  return { ...built, mounts };
}

/** As runtimes have it: `system.slice:hoy:ID`. */
const unitPath = ({ slice, unit }: ScopePlace): string => `${slice}:${unit.replace(/-([0-9a-f]+)\.scope$/, ":$1")}`;

export interface ReachableFrom {
  store: Store;
  row: ContainerRow;
  rootfs: Fd;
  files: ContainerFiles;
}

/**
 * An ordinary user can add nothing to a folder of somebody else's (`--rootfs`): the engine's files are left out where there is no
 * place for them.
 */
export function reachable({ store, row, rootfs, files }: ReachableFrom, mounts: readonly Mount[]): Mount[] {
  const folder = row.options.rootfs;
  if (!store.rootless || folder === undefined || folder === "/") return [...mounts];
  const own = Object.values(files);
  return mounts.filter(({ source = "", destination }) => !own.includes(source) || hasPlace(rootfs, destination));
}

/** True when the file is there, or could be made just now. */
function hasPlace(rootfs: Fd, path: string): boolean {
  const at = path.lastIndexOf("/");
  const found = openInRoot(rootfs.number, path.slice(1, at) || ".", O_PATH | O_DIRECTORY);
  if (found < 0) return false;
  using parent = new Fd(found);
  const made = mknodAt(parent.number, path.slice(at + 1), S_IFREG | 0o644, 0);
  return made === 0 || made === -EEXIST;
}
