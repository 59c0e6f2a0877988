/** All that is to be mounted into a container, from the four ways to ask for it (moby daemon/volumes.go, registerMountPoints). */
import { mkdirSync, statSync } from "../../../ffi/fs.ts";
import { failureOf, HoyError, reasonOf } from "../../spec/error.ts";
import type { ContainerOptions, MountRequest } from "./options.ts";
import { invalid } from "./parse/invalid.ts";
import { mountRequest } from "./parse/mount-rules.ts";
import { checkTarget } from "./parse/target.ts";
import { tmpfsRequest } from "./parse/tmpfs.ts";
import { bindRequest } from "./parse/volume.ts";

/**
 * The requests in the order -v, --mount, --tmpfs, anonymous volumes. Two for one target are an error; an anonymous volume
 * (`-v /x`, the image's VOLUME) gives way to any other mount on its target.
 */
export function planMounts({ config, hostConfig }: Pick<ContainerOptions, "config" | "hostConfig">): MountRequest[] {
  const asked = [
    ...(hostConfig.Binds ?? []).map(bindRequest),
    ...(hostConfig.Mounts ?? []).map(mountRequest),
    ...Object.entries(hostConfig.Tmpfs ?? {}).map(([target, options]) => tmpfsRequest(target, options)),
  ];
  const targets = new Set<string>();
  for (const { target } of asked) {
    if (targets.has(target)) throw invalid(`Duplicate mount point: ${target}`);
    targets.add(target);
  }
  const anonymous: MountRequest[] = [];
  for (const written of Object.keys(config.Volumes ?? {})) {
    const target = checkTarget(written);
    if (targets.has(target)) continue;
    targets.add(target);
    anonymous.push({ type: "volume", source: "", target, readOnly: false, mode: "", propagation: "", anonymous: true });
  }
  return [...asked, ...anonymous];
}

/** Docker sorts mounts so that parents come before what lies in them; the order of one depth stays. */
export function byDepth<T extends { target: string }>(mounts: readonly T[]): T[] {
  const depth = ({ target }: T): number => target.split("/").length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}

/** Sees that the sources of binds are there: makes the missing folder of a -v, refuses that of a --mount. */
export function prepareBindSources(mounts: readonly MountRequest[]): void {
  for (const mount of mounts) if (mount.type === "bind") prepareSource(mount);
}

function prepareSource({ source, createSource }: MountRequest): void {
  try {
    statSync(source);
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR")
      throw new HoyError(`cannot look at the bind source ${source}: ${reasonOf(error)}`, { status: 400, cause: error });
  }
  if (!createSource) throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
  try {
    mkdirSync(source, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new HoyError(`error while creating mount source path '${source}': ${failureOf(error)}`, { cause: error });
  }
}
