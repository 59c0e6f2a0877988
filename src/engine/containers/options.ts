/**
 * What a container was asked to be: Docker's Config and HostConfig under Docker's own names, as stored in the row's `options`.
 * `create` stores it with the image's defaults merged in (merge.ts), so start, restart and inspect need nothing else.
 * HostConfig holds what hoy has flags for; inspect.ts adds the fields that are constant.
 */

import type { IdMaps } from "../../runtime/id-maps.ts";
import type { Ulimit } from "../../runtime/rlimits.ts";

/** Docker's Config: what belongs to the container wherever it runs. */
export interface ContainerConfig {
  Hostname: string;
  Domainname: string;
  User: string;
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  ExposedPorts?: Record<string, Record<string, never>>;
  Tty: boolean;
  OpenStdin: boolean;
  StdinOnce: boolean;
  /** `KEY=value`; a bare `KEY` takes the image's variable of that name away. */
  Env: string[];
  /** null: the image's. */
  Cmd: string[] | null;
  Healthcheck?: Record<string, unknown>;
  Image: string;
  /** Anonymous volumes: target to {}; from `-v /path` and the image's VOLUME. */
  Volumes: Record<string, Record<string, never>> | null;
  WorkingDir: string;
  /** null: the image's; `[""]` is how `--entrypoint ""` says "none" before the merge. */
  Entrypoint: string[] | null;
  OnBuild: string[] | null;
  Labels: Record<string, string>;
  StopSignal?: string;
  /** Seconds that stop waits before SIGKILL; -1 for ever. */
  StopTimeout?: number;
  Shell?: string[];
}

export type Propagation = "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";

/** Docker's Mount, as `--mount` gives it. */
export interface MountSpec {
  Type: "bind" | "volume" | "tmpfs" | "image";
  Source?: string;
  Target: string;
  ReadOnly?: boolean;
  BindOptions?: {
    Propagation?: Propagation;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  };
  VolumeOptions?: {
    NoCopy?: boolean;
    Subpath?: string;
    Labels?: Record<string, string>;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] };
}

export interface DeviceMapping {
  PathOnHost: string;
  PathInContainer: string;
  /** Some of r, w, m. */
  CgroupPermissions: string;
}

/** Devices by what they are: `--gpus`, and CDI names (Driver `cdi`). */
export interface DeviceRequest {
  Driver: string;
  /** -1 for all. */
  Count: number;
  DeviceIDs: string[] | null;
  Capabilities: string[][] | null;
  Options: Record<string, string> | null;
}

export interface WeightDevice {
  Path: string;
  Weight: number;
}

export interface ThrottleDevice {
  Path: string;
  /** Bytes or operations a second. */
  Rate: number;
}

/** What Docker calls Resources: the limits of a container, which `update` may change in part. 0, "" and null mean "not asked for". */
export interface ResourceConfig {
  CpuShares: number;
  /** Bytes. */
  Memory: number;
  /** Billionths of a CPU. */
  NanoCpus: number;
  /** Below which cgroup the container's lies; "" is the store's own. */
  CgroupParent: string;
  BlkioWeight: number;
  BlkioWeightDevice: WeightDevice[];
  BlkioDeviceReadBps: ThrottleDevice[];
  BlkioDeviceWriteBps: ThrottleDevice[];
  BlkioDeviceReadIOps: ThrottleDevice[];
  BlkioDeviceWriteIOps: ThrottleDevice[];
  /** Microseconds, as the three that follow; a quota of -1 is no limit. */
  CpuPeriod: number;
  CpuQuota: number;
  CpuRealtimePeriod: number;
  CpuRealtimeRuntime: number;
  CpusetCpus: string;
  CpusetMems: string;
  Devices: DeviceMapping[];
  /** `c 1:3 rwm`, after the rules that follow from Devices. */
  DeviceCgroupRules: string[] | null;
  DeviceRequests: DeviceRequest[] | null;
  MemoryReservation: number;
  /** Bytes of memory and swap together; -1 for no limit on swap. */
  MemorySwap: number;
  /** 0 to 100; null: the kernel's. */
  MemorySwappiness: number | null;
  /** null also where the host's cgroups know of no such thing. */
  OomKillDisable: boolean | null;
  /** null: no limit. */
  PidsLimit: number | null;
  Ulimits: Ulimit[] | null;
}

/** The limits that `update` may change. */
export type LimitConfig = Pick<
  ResourceConfig,
  | "BlkioWeight"
  | "CpuPeriod"
  | "CpuQuota"
  | "CpuRealtimePeriod"
  | "CpuRealtimeRuntime"
  | "CpuShares"
  | "NanoCpus"
  | "CpusetCpus"
  | "CpusetMems"
  | "Memory"
  | "MemoryReservation"
  | "MemorySwap"
  | "PidsLimit"
>;

/** Docker's HostConfig: what depends on the host. 0, "" and null mean "not asked for". */
export interface HostConfig extends ResourceConfig {
  /** `-v` with a source, verbatim: `source:target[:options]`. */
  Binds: string[] | null;
  ContainerIDFile: string;
  /** Type "": the store's default, filled in by create. */
  LogConfig: { Type: string; Config: Record<string, string> };
  /** `bridge`, `host`, `none`, `container:<id>`, or a network's name or id. */
  NetworkMode: string;
  RestartPolicy: { Name: string; MaximumRetryCount: number };
  AutoRemove: boolean;
  CapAdd: string[] | null;
  CapDrop: string[] | null;
  CgroupnsMode: "" | "host" | "private";
  Dns: string[] | null;
  DnsOptions: string[] | null;
  DnsSearch: string[] | null;
  /** `name:address`, address may be `host-gateway`. */
  ExtraHosts: string[] | null;
  GroupAdd: string[] | null;
  /** `none`, `private`, `shareable`, `host` or `container:<id>`; "" until create fills in the default. */
  IpcMode: string;
  OomScoreAdj: number;
  /** `host` or `container:<id>`. */
  PidMode: string;
  Privileged: boolean;
  ReadonlyRootfs: boolean;
  /** `no-new-privileges`, `seccomp=unconfined`, `seccomp=<the profile's JSON>`, `writable-cgroups=true`. */
  SecurityOpt: string[] | null;
  /** Target to mount options, `--tmpfs`. */
  /** `size`: the most that the container's own layer may hold. */
  StorageOpt?: Record<string, string>;
  Tmpfs?: Record<string, string>;
  UTSMode: "" | "host";
  /** `host` or "": that of hoy. Else `auto` or `keep-id`, with podman's options (parse/userns.ts). */
  UsernsMode: string;
  /** Bytes; 0 until create fills in the default. */
  ShmSize: number;
  Sysctls?: Record<string, string>;
  Isolation: string;
  /** The OCI runtime by name or path; "" until create fills in the default. */
  Runtime: string;
  /** `--annotation`, for the runtime. */
  Annotations?: Record<string, string>;
  Mounts?: MountSpec[];
  /** null: Docker's own list, or none for a privileged container. */
  MaskedPaths: string[] | null;
  ReadonlyPaths: string[] | null;
  Init?: boolean;
}

/** Something to be mounted into a container, wherever it was asked for (`-v`, `--mount`, `--tmpfs`, the image's VOLUME). */
export interface MountRequest {
  type: "bind" | "volume" | "tmpfs" | "image";
  /** bind: path on the host; volume: its name, "" until create names an anonymous one; image: its reference; tmpfs: "". */
  source: string;
  /** image: what the reference meant when the container was made, and still means to it; absent in containers of older versions. */
  imageId?: string;
  /** Absolute and clean path in the container. */
  target: string;
  readOnly: boolean;
  /** The options as the user wrote them, Docker's `Mode` in inspect. */
  mode: string;
  /** "" is the type's default: rprivate for binds. */
  propagation: Propagation | "";
  /** -v makes a missing folder on the host, --mount does not. */
  createSource?: boolean;
  /** Mounts below the source stay out. */
  nonRecursive?: boolean;
  /** Of a read-only bind: mounts below stay writable; or: fail where the kernel cannot make them read-only (5.12). */
  readOnlyRecursion?: "off" | "force";
  /** Volume that is removed with its container. */
  anonymous?: boolean;
  /** Don't fill a new volume with what the image has at the target. */
  noCopy?: boolean;
  /** Folder in the volume or image that is mounted. */
  subpath?: string;
  /** tmpfs: mount options after Docker's own (`noexec,nosuid,nodev`). */
  tmpfs?: string[];
  volumeLabels?: Record<string, string>;
}

/** What --runtime calls hoy itself. */
export const OWN_RUNTIME = "hoy";

/** An OCI runtime on the host. */
export interface OtherRuntime {
  path: string;
  /** Before its command. */
  args: string[];
}

export interface ContainerOptions {
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** All mounts, complete once `create` has named the volumes. */
  mounts: MountRequest[];
  /** `--rootfs`: absolute path of the folder that takes the image's place. */
  rootfs?: string;
  /** `--platform`, as asked: `linux/arm64`. */
  platform?: string;
  /** The ids of the container's own user namespace, as `create` gave them to it; absent without one. */
  idMaps?: IdMaps;
  /** The most that its own layer may hold, in bytes (`--storage-opt size=`), and the project id under which it is limited. */
  layerSize?: number;
  project?: number;
  /** The program that runs it (`--runtime`); absent: hoy itself. */
  runtime?: OtherRuntime;
  /** SELinux labels of the processes and of the files; absent where containers have none. */
  processLabel?: string;
  mountLabel?: string;
}

/** Docker's defaults: a container that nothing was asked of. */
export function defaultConfig(): ContainerConfig {
  return {
    Hostname: "",
    Domainname: "",
    User: "",
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: [],
    Cmd: null,
    Image: "",
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: {},
  };
}

export function defaultHostConfig(): HostConfig {
  return {
    Binds: null,
    ContainerIDFile: "",
    LogConfig: { Type: "", Config: {} },
    NetworkMode: "bridge",
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: false,
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: "",
    Dns: null,
    DnsOptions: null,
    DnsSearch: null,
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: "",
    OomScoreAdj: 0,
    PidMode: "",
    Privileged: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: "",
    UsernsMode: "",
    ShmSize: 0,
    Isolation: "",
    Runtime: "",
    ...noLimits(),
    MaskedPaths: null,
    ReadonlyPaths: null,
  };
}

export const noLimits = (): ResourceConfig => ({
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: null,
  PidsLimit: null,
  Ulimits: null,
});
