/** The document of `inspect`, field for field as Docker's API 1.50 has it (moby api/types/container, InspectResponse). */
import { maskedPaths, READONLY_PATHS } from "../../runtime/defaults.ts";
import type { Store } from "../../state/store.ts";
import { layerPaths } from "../../storage/layers.ts";
import { containerProfile } from "./apparmor.ts";
import { processArgs } from "./environment.ts";
import { runningExecs } from "./exec-folder.ts";
import { containerFiles } from "./files.ts";
import { inspectMounts } from "./inspect-mounts.ts";
import { inspectNetwork } from "./inspect-network.ts";
import { type ContainerConfig, type HostConfig, OWN_RUNTIME, type ResourceConfig } from "./options.ts";
import { type ContainerRow, dataFolder, runFolder } from "./row.ts";
import { networkOwner } from "./shared.ts";
import { type ContainerState, containerState, isUp } from "./state.ts";

/** Go's zero time: Docker's "never". */
export const NEVER = "0001-01-01T00:00:00Z";

export const timestamp = (milliseconds: number): string => (milliseconds > 0 ? new Date(milliseconds).toISOString() : NEVER);

export type Document = Record<string, unknown>;

/** Bytes for `--size`. */
export interface ContainerSize {
  /** What the container itself has written. */
  SizeRw: number;
  /** With its image. */
  SizeRootFs: number;
}

export function inspectContainer(store: Store, row: ContainerRow, size?: ContainerSize): Document {
  const { config, hostConfig } = row.options;
  const state = containerState(store, row);
  const files = containerFiles(store, networkOwner(store, row).id);
  const [path = "", ...args] = processArgs(config);
  return {
    Id: row.id,
    Created: timestamp(row.created),
    Path: path,
    Args: args,
    State: stateDocument(state),
    Image: row.imageId ?? "",
    ResolvConfPath: files.resolvConf,
    HostnamePath: files.hostname,
    HostsPath: files.hosts,
    LogPath: hostConfig.LogConfig.Type === "none" ? "" : `${dataFolder(store, row.id)}/log.json`,
    Name: `/${row.name}`,
    RestartCount: row.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: row.options.mountLabel ?? "",
    ProcessLabel: row.options.processLabel ?? "",
    AppArmorProfile: containerProfile(hostConfig, store),
    ExecIDs: execIds(store, row, state),
    HostConfig: hostDocument(hostConfig),
    GraphDriver: graphDriver(store, row, state),
    ...size,
    Mounts: inspectMounts(store, row.options),
    Config: configDocument(config),
    NetworkSettings: inspectNetwork(store, row, state),
  };
}

/** Of processes under a monitor; one in the foreground of its caller has no record anywhere. */
function execIds(store: Store, row: ContainerRow, { status }: ContainerState): string[] | null {
  const ids = isUp(status) ? runningExecs(runFolder(store, row.id)) : [];
  return ids.length > 0 ? ids : null;
}

function stateDocument(state: ContainerState): Document {
  return {
    Status: state.status,
    Running: isUp(state.status),
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: state.status === "dead",
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: timestamp(state.started),
    FinishedAt: timestamp(state.finished),
  };
}

/** Docker's Config in its order; what was not given and has no zero value there is left out. */
function configDocument(config: ContainerConfig): Document {
  const { Hostname, Domainname, User, AttachStdin, AttachStdout, AttachStderr, ExposedPorts, Tty, OpenStdin, StdinOnce, Env, Cmd } = config;
  const { Healthcheck, Image, Volumes, WorkingDir, Entrypoint, OnBuild, Labels, StopSignal, StopTimeout, Shell } = config;
  return {
    Hostname,
    Domainname,
    User,
    AttachStdin,
    AttachStdout,
    AttachStderr,
    ...(ExposedPorts ? { ExposedPorts } : {}),
    Tty,
    OpenStdin,
    StdinOnce,
    Env,
    Cmd,
    ...(Healthcheck ? { Healthcheck } : {}),
    Image,
    Volumes,
    WorkingDir,
    Entrypoint,
    OnBuild,
    Labels,
    ...(StopSignal ? { StopSignal } : {}),
    ...(StopTimeout === undefined ? {} : { StopTimeout }),
    ...(Shell ? { Shell } : {}),
  };
}

/** Docker's HostConfig in its order: what hoy keeps, and the fields that have no flag here with their zero values. */
function hostDocument(host: HostConfig): Document {
  const { Annotations, StorageOpt, Tmpfs, Sysctls, Mounts, Init } = host;
  return {
    Binds: host.Binds,
    ContainerIDFile: host.ContainerIDFile,
    LogConfig: host.LogConfig,
    NetworkMode: host.NetworkMode,
    PortBindings: {},
    RestartPolicy: host.RestartPolicy,
    AutoRemove: host.AutoRemove,
    VolumeDriver: "",
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    ...(Annotations ? { Annotations } : {}),
    CapAdd: host.CapAdd,
    CapDrop: host.CapDrop,
    CgroupnsMode: host.CgroupnsMode,
    Dns: host.Dns ?? [],
    DnsOptions: host.DnsOptions ?? [],
    DnsSearch: host.DnsSearch ?? [],
    ExtraHosts: host.ExtraHosts,
    GroupAdd: host.GroupAdd,
    IpcMode: host.IpcMode || "private",
    Cgroup: "",
    Links: null,
    OomScoreAdj: host.OomScoreAdj,
    PidMode: host.PidMode,
    Privileged: host.Privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: host.ReadonlyRootfs,
    SecurityOpt: host.SecurityOpt,
    ...(StorageOpt ? { StorageOpt } : {}),
    ...(Tmpfs ? { Tmpfs } : {}),
    UTSMode: host.UTSMode,
    UsernsMode: host.UsernsMode,
    ShmSize: host.ShmSize,
    ...(Sysctls ? { Sysctls } : {}),
    Runtime: host.Runtime || OWN_RUNTIME,
    Isolation: host.Isolation,
    ...resourceDocument(host),
    ...(Mounts ? { Mounts } : {}),
    MaskedPaths: host.MaskedPaths ?? (host.Privileged ? null : maskedPaths()),
    ReadonlyPaths: host.ReadonlyPaths ?? (host.Privileged ? null : [...READONLY_PATHS]),
    ...(Init === undefined ? {} : { Init }),
  };
}

function resourceDocument(host: ResourceConfig): Document {
  return {
    CpuShares: host.CpuShares,
    Memory: host.Memory,
    NanoCpus: host.NanoCpus,
    CgroupParent: host.CgroupParent,
    BlkioWeight: host.BlkioWeight,
    BlkioWeightDevice: host.BlkioWeightDevice,
    BlkioDeviceReadBps: host.BlkioDeviceReadBps,
    BlkioDeviceWriteBps: host.BlkioDeviceWriteBps,
    BlkioDeviceReadIOps: host.BlkioDeviceReadIOps,
    BlkioDeviceWriteIOps: host.BlkioDeviceWriteIOps,
    CpuPeriod: host.CpuPeriod,
    CpuQuota: host.CpuQuota,
    CpuRealtimePeriod: host.CpuRealtimePeriod,
    CpuRealtimeRuntime: host.CpuRealtimeRuntime,
    CpusetCpus: host.CpusetCpus,
    CpusetMems: host.CpusetMems,
    Devices: host.Devices,
    DeviceCgroupRules: host.DeviceCgroupRules,
    DeviceRequests: host.DeviceRequests,
    MemoryReservation: host.MemoryReservation,
    MemorySwap: host.MemorySwap,
    MemorySwappiness: host.MemorySwappiness,
    OomKillDisable: host.OomKillDisable,
    PidsLimit: host.PidsLimit,
    Ulimits: host.Ulimits ?? [],
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** The overlay's folders. Its mount lies in the container's own namespace, so the merged view is reached through its process. */
function graphDriver(store: Store, row: ContainerRow, state: ContainerState): Document {
  const data = dataFolder(store, row.id);
  const lower = row.options.rootfs ?? (row.imageId === null ? "" : layerPaths(store, row.imageId).folders.join(":"));
  return {
    Data: {
      ID: row.id,
      LowerDir: lower,
      MergedDir: state.pid > 0 ? `/proc/${state.pid}/root` : "",
      UpperDir: `${data}/upper`,
      WorkDir: `${data}/work`,
    },
    Name: "overlay2",
  };
}
