/**
 * ContainerOptions → the OCI spec, as dockerd writes its config.json (moby daemon/oci_linux.go, createSpec). Pure: what has to be
 * looked up (user, devices, sources of mounts, facts about the host) is given.
 *
 * The seccomp profile is kept beside the spec: Docker's default is compiled at build time, so the hot path never expands it.
 * `linux.seccomp` of config.json is only filled for a profile of the user's own, by whoever compiles that one.
 *
 * `hostConfig.Init` leaves no mark here: `process.args` are the user's, and the runtime starts them below a static init of its own.
 */
import { type CapabilityRequest, resolveCapabilities } from "../../runtime/capabilities.ts";
import { DEFAULT_DEVICE_RULES, defaultNamespaces, maskedPaths, READONLY_PATHS } from "../../runtime/defaults.ts";
import { ulimitToRlimit } from "../../runtime/rlimits.ts";
import type { ResolvedUser } from "../../runtime/users.ts";
import type { Capabilities, Linux, Mount, Namespace, Process, Spec } from "../../spec/runtime.ts";
import type { ContainerDevices } from "./devices.ts";
import { processArgs, processEnv } from "./environment.ts";
import type { ContainerOptions, HostConfig } from "./options.ts";
import { securityOptions } from "./parse/security-opt.ts";
import { checkSysctls } from "./parse/sysctl.ts";
import type { Sharing } from "./shared.ts";
import { type ContainerFiles, type ResolvedMount, rootPropagation, specMounts } from "./spec-mounts.ts";
import { type DeviceNumbers, resources } from "./spec-resources.ts";

export const OCI_VERSION = "1.2.1";

export interface HostFacts {
  /** 1 also for a hybrid host. */
  cgroupVersion: 1 | 2;
  /** Capabilities there are to give, a mask; absent: the bounding set of this process. */
  capabilities?: bigint;
  /** Whether a group id exists in the user namespace that hoy runs in; every one does outside of one. */
  mapsGroup: (gid: number) => boolean;
  /** Mounts below a read-only bind can be made read-only with it: mount_setattr(2), kernel 5.12. */
  recursiveReadOnly: boolean;
  /** The host has a /dev/mqueue. */
  hasMessageQueues: boolean;
}

export interface SpecRequest {
  options: ContainerOptions;
  id: string;
  user: ResolvedUser;
  host: HostFacts;
  files: ContainerFiles;
  mounts: readonly ResolvedMount[];
  devices: ContainerDevices;
  /** Namespaces of the host and of other containers; as the modes say where it is absent. */
  sharing?: Sharing;
  /** Looks up a device that a limit on block I/O names. */
  deviceNumbers: DeviceNumbers;
  /** The container is in a user namespace: that of an ordinary user's hoy, or one of its own. */
  rootless: boolean;
  /** The payload's cgroup below the root of the hierarchies; absent where none is to be had. */
  cgroupPath?: string;
  /** Absent or empty: none. */
  appArmorProfile?: string;
  /** Path of the root file system, relative to the bundle or absolute. */
  rootPath?: string;
}

/** Which seccomp filter the process gets; a profile is JSON in Docker's format. */
export type SeccompChoice = { kind: "default" } | { kind: "unconfined" } | { kind: "profile"; json: string };

export function buildSpec(request: SpecRequest): { spec: Spec; seccomp: SeccompChoice } {
  const { options, mounts } = request;
  const { config, hostConfig } = options;
  const sharing = sharingOf(request);
  checkSysctls(hostConfig.Sysctls ?? {}, { network: sharing.network === "host", ipc: sharing.ipc === "host" });
  const spec: Spec = {
    ociVersion: OCI_VERSION,
    process: process(request),
    root: { path: request.rootPath ?? "rootfs", readonly: hostConfig.ReadonlyRootfs },
    ...(hostConfig.UTSMode === "host" ? {} : { hostname: config.Hostname }),
    ...(config.Domainname ? { domainname: config.Domainname } : {}),
    mounts: [...specMounts({ ...request, mounts, sharing }), ...boundDevices(request)],
    linux: linux(request),
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
  };
  return { spec, seccomp: seccompChoice(hostConfig) };
}

/** What the host's modes share is known without looking. */
function sharingOf({ options, sharing }: SpecRequest): Sharing {
  const { NetworkMode, PidMode, IpcMode } = options.hostConfig;
  const ofHost = (mode: string) => (mode === "host" ? "host" : undefined);
  const found = { network: ofHost(NetworkMode), pid: ofHost(PidMode), ipc: ofHost(IpcMode), ...sharing };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function process({ options, user, rootless, host, appArmorProfile }: SpecRequest): Process {
  const { config, hostConfig } = options;
  return {
    terminal: config.Tty,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: processArgs(config),
    env: processEnv(config, user.home),
    cwd: config.WorkingDir || "/",
    capabilities: capabilities(
      {
        add: hostConfig.CapAdd,
        drop: hostConfig.CapDrop,
        privileged: hostConfig.Privileged,
        ...(host.capabilities === undefined ? {} : { available: host.capabilities }),
      },
      user.uid,
    ),
    rlimits: (hostConfig.Ulimits ?? []).map(ulimitToRlimit),
    noNewPrivileges: securityOptions(hostConfig.SecurityOpt ?? []).noNewPrivileges,
    ...(appArmorProfile ? { apparmorProfile: appArmorProfile } : {}),
    ...(options.processLabel ? { selinuxLabel: options.processLabel } : {}),
    // An ordinary user may not lower the score that the session gave it.
    ...(rootless && hostConfig.OomScoreAdj === 0 ? {} : { oomScoreAdj: hostConfig.OomScoreAdj }),
  };
}

/** Another user than root gets its capabilities by executing files that have them, so only the bounding set is filled. */
function capabilities(request: CapabilityRequest, uid: number): Capabilities {
  const names = resolveCapabilities(request);
  return uid === 0 ? { bounding: names, effective: names, permitted: names } : { bounding: names };
}

/**
 * An ordinary user can make no nodes: the runtime binds the host's of the same path in their place, and those that get another path
 * in the container are mounts.
 */
function boundDevices({ devices: { devices, sources }, rootless }: SpecRequest): Mount[] {
  if (!rootless) return [];
  return devices.flatMap(({ path: destination }) => {
    const source = sources?.get(destination) ?? destination;
    return source === destination ? [] : [{ destination, type: "bind", source, options: ["bind"] }];
  });
}

function linux(request: SpecRequest): Linux {
  const { options, mounts, devices, cgroupPath } = request;
  const bound = new Set(boundDevices(request).map(({ destination }) => destination));
  const { hostConfig } = options;
  const propagation = rootPropagation(mounts);
  const rules = hostConfig.Privileged ? devices.rules : [...DEFAULT_DEVICE_RULES, ...devices.rules];
  return {
    sysctl: sysctls(request),
    resources: { ...resources(hostConfig, request.deviceNumbers), devices: rules },
    ...(cgroupPath === undefined ? {} : { cgroupsPath: cgroupPath }),
    namespaces: [...(options.idMaps ? [{ type: "user" as const }] : []), ...namespaces(hostConfig, sharingOf(request))],
    ...(options.idMaps ? { uidMappings: options.idMaps.uidMaps, gidMappings: options.idMaps.gidMaps } : {}),
    devices: devices.devices.filter(({ path }) => !bound.has(path)),
    ...(propagation ? { rootfsPropagation: propagation } : {}),
    ...(options.mountLabel ? { mountLabel: options.mountLabel } : {}),
    ...(hostConfig.Privileged
      ? {}
      : { maskedPaths: hostConfig.MaskedPaths ?? maskedPaths(), readonlyPaths: hostConfig.ReadonlyPaths ?? [...READONLY_PATHS] }),
  };
}

function namespaces({ UTSMode, CgroupnsMode }: HostConfig, sharing: Sharing): Namespace[] {
  const host: Record<string, boolean> = { uts: UTSMode === "host" };
  const types = defaultNamespaces();
  if (CgroupnsMode === "private") types.push("cgroup");
  return types.flatMap((type): Namespace[] => {
    const shared = sharing[type as keyof Sharing];
    if (shared === "host" || host[type]) return [];
    return [shared === undefined ? { type } : { type, path: shared }];
  });
}

/**
 * Docker lets every user of a container's own network bind low ports and ping. The range of groups that may ping has to be mapped
 * in the network namespace's user namespace, which it is not in one of an ordinary user.
 */
function sysctls(request: SpecRequest): Record<string, string> {
  const { options, rootless } = request;
  const { Sysctls } = options.hostConfig;
  if (sharingOf(request).network !== undefined) return { ...Sysctls };
  return {
    "net.ipv4.ip_unprivileged_port_start": "0",
    ...(rootless ? {} : { "net.ipv4.ping_group_range": "0 2147483647" }),
    ...Sysctls,
  };
}

/** Which filter the flags ask for. */
export function seccompChoice({ Privileged, SecurityOpt }: HostConfig): SeccompChoice {
  const { seccomp } = securityOptions(SecurityOpt ?? []);
  // As in Docker, a privileged container is unconfined unless it was given a profile of its own.
  if (seccomp === "unconfined" || (Privileged && seccomp === "default")) return { kind: "unconfined" };
  return seccomp === "default" ? { kind: "default" } : { kind: "profile", json: seccomp };
}
