/** The `mounts` of the spec: Docker's own, the engine's files in /etc, then the user's (moby daemon/oci_linux.go, withMounts). */
import { defaultMounts } from "../../runtime/defaults.ts";
import type { Linux, Mount } from "../../spec/runtime.ts";
import { byDepth } from "./mounts.ts";
import type { ContainerOptions, HostConfig, MountRequest } from "./options.ts";
import { securityOptions } from "./parse/security-opt.ts";
import type { Sharing } from "./shared.ts";
import type { HostFacts } from "./spec.ts";

/** A request with what it turned out to be on this host. */
export interface ResolvedMount extends MountRequest {
  /** bind, volume, image: the file or folder to bind, subpath included; "" for tmpfs. */
  path: string;
  /** image, volume: the path is the descriptor of a mount that was made for it. */
  detached?: true;
  /** Words that a bind must keep in a user namespace, where flags of the source are locked: nosuid, nodev, noexec, ro … */
  lockedFlags?: readonly string[];
}

/** Files that the engine writes for each container; absolute paths on the host. */
export interface ContainerFiles {
  hostname: string;
  hosts: string;
  resolvConf: string;
}

export interface MountsRequest {
  options: Pick<ContainerOptions, "hostConfig" | "idMaps">;
  files: ContainerFiles;
  mounts: readonly ResolvedMount[];
  rootless: boolean;
  sharing: Sharing;
  host: Pick<HostFacts, "recursiveReadOnly" | "mapsGroup" | "hasMessageQueues">;
}

/** Of a read-only container these stay writable by the kernel's nature or as its scratch space. */
const WRITABLE_IN_READONLY = new Set(["/proc", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"]);

export function specMounts(request: MountsRequest): Mount[] {
  const { options, mounts } = request;
  const { hostConfig } = options;
  const targets = new Set(mounts.map(({ target }) => target));
  const own = ownMounts(request).filter(({ destination }) => !covered(destination, targets));
  const engine = hostConfig.ReadonlyRootfs ? own.map(readOnly) : own;
  return [...engine.map((mount) => (isWritable(mount, hostConfig) ? without(mount, "ro") : mount)), ...userMounts(request, targets)];
}

/** A mount of the user's on the same place, or on the whole of /dev, takes its place. */
const covered = (destination: string, targets: ReadonlySet<string>): boolean =>
  targets.has(destination) || (targets.has("/dev") && destination.startsWith("/dev/"));

function ownMounts(request: MountsRequest): Mount[] {
  const { ShmSize } = request.options.hostConfig;
  return (ShmSize > 0 ? defaultMounts(ShmSize) : defaultMounts()).flatMap((mount) => ownMount(mount, request) ?? []);
}

const bindOptions = (host: MountsRequest["host"]): string[] => [
  "rbind",
  "nosuid",
  "noexec",
  "nodev",
  host.recursiveReadOnly ? "rro" : "ro",
];

/** One of Docker's own mounts where namespaces are shared or a user's; undefined: the container goes without it. */
function ownMount(mount: Mount, { options, rootless, sharing, host }: MountsRequest): Mount | undefined {
  if (mount.destination === "/dev/shm") return sharedMemory(mount, options.hostConfig.IpcMode, sharing.ipc);
  if (mount.type === "devpts" && !host.mapsGroup(5)) return without(mount, "gid=5");
  if (!rootless) return mount;
  // What shows a namespace may be mounted by the namespace's owner alone, who an ordinary user is not for the host's.
  if (mount.type === "sysfs" && (sharing.network === "host" || (options.idMaps && sharing.network)))
    return { ...mount, type: "bind", source: "/sys", options: bindOptions(host) };
  if (mount.type === "proc" && sharing.pid === "host") return { ...mount, source: "/proc", options: ["rbind", ...(mount.options ?? [])] };
  if (mount.type === "mqueue" && sharing.ipc === "host")
    return host.hasMessageQueues
      ? { ...mount, type: "bind", source: "/dev/mqueue", options: ["rbind", ...(mount.options ?? [])] }
      : undefined;
  return mount;
}

/** /dev/shm belongs to the IPC namespace: the host's, that of another container (whose mount is copied by joining it), or none. */
function sharedMemory(mount: Mount, mode: string, shared: string | undefined): Mount | undefined {
  if (mode === "none") return undefined;
  if (shared === undefined) return mount;
  const { destination } = mount;
  return { destination, type: "bind", ...(shared === "host" ? { source: "/dev/shm" } : {}), options: ["rbind", "rprivate"] };
}

const without = (mount: Mount, option: string): Mount => ({ ...mount, options: (mount.options ?? []).filter((word) => word !== option) });

function readOnly(mount: Mount): Mount {
  if (WRITABLE_IN_READONLY.has(mount.destination) || mount.options?.some((word) => word === "ro" || word === "rro")) return mount;
  return { ...mount, options: [...(mount.options ?? []), "ro"] };
}

/** A privileged container may write to /sys and to its cgroups. */
function isWritable({ destination, type }: Mount, hostConfig: HostConfig): boolean {
  if (type === "cgroup") return writableCgroups(hostConfig);
  return hostConfig.Privileged && destination === "/sys" && type !== "bind";
}

export const writableCgroups = ({ Privileged, SecurityOpt }: Pick<HostConfig, "Privileged" | "SecurityOpt">): boolean =>
  securityOptions(SecurityOpt ?? []).writableCgroups ?? Privileged;

/** The engine's files and the user's mounts, parents first. */
function userMounts({ options, files, mounts, host }: MountsRequest, targets: ReadonlySet<string>): Mount[] {
  const readOnly = options.hostConfig.ReadonlyRootfs;
  const file = (target: string, path: string) => ({ target, path });
  const engine = [file("/etc/resolv.conf", files.resolvConf), file("/etc/hostname", files.hostname), file("/etc/hosts", files.hosts)]
    .filter(({ target }) => !targets.has(target))
    .map(({ target, path }): ResolvedMount => ({ type: "bind", source: path, path, target, readOnly, mode: "", propagation: "rprivate" }));
  return byDepth([...mounts, ...engine]).map((mount) => (mount.type === "tmpfs" ? tmpfs(mount) : bind(mount, host.recursiveReadOnly)));
}

const tmpfs = ({ target, tmpfs = [] }: ResolvedMount): Mount => ({
  destination: target,
  type: "tmpfs",
  source: "tmpfs",
  options: [...tmpfs],
});

function bind(mount: ResolvedMount, recursiveReadOnly: boolean): Mount {
  if (mount.detached)
    return { destination: mount.target, type: "overlay", source: mount.path, options: mount.readOnly ? ["ro"] : [], detached: true };
  const { readOnlyRecursion, lockedFlags = [] } = mount;
  const below = readOnlyRecursion === "force" || (recursiveReadOnly && readOnlyRecursion !== "off");
  return {
    destination: mount.target,
    type: "bind",
    source: mount.path,
    ...(mount.subpath ? { resolved: true as const } : {}),
    options: [
      mount.nonRecursive ? "bind" : "rbind",
      ...(mount.readOnly ? [below ? "rro" : "ro"] : []),
      ...propagationWord(mount),
      ...lockedFlags.filter((word) => word !== "ro" || !mount.readOnly),
    ],
  };
}

/** Binds of the host are rprivate unless told; volumes and images are nobody else's mounts, so nothing is said. */
function propagationWord({ type, propagation }: ResolvedMount): string[] {
  if (propagation) return [propagation];
  return type === "bind" ? ["rprivate"] : [];
}

/** Mount events can only pass where the root lets them: the widest of what the mounts ask for; undefined for none. */
export function rootPropagation(mounts: readonly ResolvedMount[]): Linux["rootfsPropagation"] {
  const asked = mounts.map(({ propagation }) => propagation);
  if (asked.some((word) => word === "shared" || word === "rshared")) return "shared";
  return asked.some((word) => word === "slave" || word === "rslave") ? "rslave" : undefined;
}
