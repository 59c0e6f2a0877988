/** How a container sees its cgroups below /sys/fs/cgroup, as data for the mount plan. */
import type { CgroupHost } from "./host.ts";
import type { CgroupPlan } from "./plan.ts";

/** In the order of mounting; targets are absolute paths in the container, folders for mounts are to be made where missing. */
export type CgroupMount =
  | { kind: "mount"; target: string; type: "tmpfs" | "cgroup" | "cgroup2"; source: string; data: string; optional: boolean }
  | { kind: "bind"; target: string; source: string; recursive: boolean }
  | { kind: "symlink"; target: string; to: string }
  /** Flags of the mount at `target` once everything below it is there. */
  | { kind: "readonly"; target: string };

export interface CgroupView {
  host: CgroupHost;
  plan: CgroupPlan;
  /** A cgroup namespace of its own, entered after joining (`--cgroupns private`). */
  namespace: boolean;
  readonly: boolean;
  /** In a user namespace v1's hierarchies may refuse to be mounted: those that do are left out. */
  rootless: boolean;
  /** Default /sys/fs/cgroup. */
  target?: string;
}

/**
 * v2: the cgroup2 file system, whose root is the container's own cgroup in a namespace of its own; without one the host's tree.
 * v1 and hybrid: a tmpfs with a folder per hierarchy and a link per controller of a joint one (`cpu` to `cpu,cpuacct`).
 * All of them with nosuid, nodev and noexec; `readonly` of the tmpfs comes last, each hierarchy has its own `readonly` step.
 */
export function planCgroupMounts(view: CgroupView): CgroupMount[] {
  const { host, plan, namespace, readonly, rootless } = view;
  const target = view.target ?? "/sys/fs/cgroup";
  const mounts: CgroupMount[] = [];
  const lock = (path: string) => readonly && mounts.push({ kind: "readonly", target: path });
  if (host.mode === "none") return mounts;
  if (host.mode === "v2") {
    const source = host.v2?.mountpoint ?? target;
    if (namespace) mounts.push({ kind: "mount", target, type: "cgroup2", source: "cgroup", data: "", optional: false });
    else mounts.push({ kind: "bind", target, source, recursive: true });
    lock(target);
    return mounts;
  }
  mounts.push({ kind: "mount", target, type: "tmpfs", source: "tmpfs", data: "mode=755", optional: false });
  const leafOf = (mountpoint: string, base: string | null) =>
    (base === null ? undefined : plan.directories.find((directory) => directory.startsWith(`${base}/`))) ?? mountpoint;
  for (const { name, controllers, mountpoint, base } of host.v1) {
    const named = name.startsWith("name=");
    const folder = `${target}/${named ? name.slice(5) : name}`;
    if (namespace) {
      mounts.push({
        kind: "mount",
        target: folder,
        type: "cgroup",
        source: "cgroup",
        data: named ? `none,${name}` : name,
        optional: rootless,
      });
    } else {
      mounts.push({ kind: "bind", target: folder, source: leafOf(mountpoint, base), recursive: false });
    }
    lock(folder);
    if (controllers.length > 1)
      for (const controller of controllers) mounts.push({ kind: "symlink", target: `${target}/${controller}`, to: name });
  }
  if (host.v2) {
    const folder = `${target}/unified`;
    if (namespace) mounts.push({ kind: "mount", target: folder, type: "cgroup2", source: "cgroup", data: "", optional: rootless });
    else mounts.push({ kind: "bind", target: folder, source: leafOf(host.v2.mountpoint, host.v2.base), recursive: false });
    lock(folder);
  }
  lock(target);
  return mounts;
}
