/** Docker's `Mounts` in inspect: binds, volumes, images and those tmpfs that --mount made. */
import type { Store } from "../../state/store.ts";
import type { ContainerOptions, MountRequest } from "./options.ts";
import { cleanPath } from "./parse/target.ts";
import { volumeFolder } from "./sources.ts";

export interface MountPoint {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

export function inspectMounts(store: Pick<Store, "root">, { hostConfig, mounts }: ContainerOptions): MountPoint[] {
  const byFlag = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map(cleanPath));
  return mounts.filter((mount) => mount.type !== "tmpfs" || !byFlag.has(mount.target)).map((mount) => mountPoint(store, mount));
}

function mountPoint(store: Pick<Store, "root">, mount: MountRequest): MountPoint {
  const { type, source, target, readOnly, mode, propagation } = mount;
  const common = { Destination: target, Mode: mode, RW: !readOnly };
  if (type === "volume")
    return {
      Type: type,
      Name: source,
      Source: volumeFolder(store, source),
      Driver: "local",
      ...common,
      // Docker marks named volumes as shared between containers for SELinux where nothing is said.
      Mode: mode || (mount.anonymous ? "" : "z"),
      Propagation: "",
    };
  return { Type: type, Source: source, ...common, Propagation: type === "bind" ? propagation || "rprivate" : "" };
}
