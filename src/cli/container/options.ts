/** The flags of run and create → what the engine creates (docker/cli container/opts.go, parse). */
import { resolve } from "node:path";
import {
  type ContainerConfig,
  type ContainerOptions,
  defaultConfig,
  defaultHostConfig,
  type HostConfig,
} from "../../engine/containers/options.ts";
import { parseAttach, streams } from "../../engine/containers/parse/attach.ts";
import { normalizeCapability } from "../../engine/containers/parse/capability.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../../engine/containers/parse/detach-keys.ts";
import { parseDns, parseDnsOption, parseDnsSearch } from "../../engine/containers/parse/dns.ts";
import { parseEnv, parseEnvFile, parseLabelFile, readUserFile } from "../../engine/containers/parse/env.ts";
import { parseExtraHost } from "../../engine/containers/parse/extra-host.ts";
import { parseHostname } from "../../engine/containers/parse/hostname.ts";
import { invalid } from "../../engine/containers/parse/invalid.ts";
import { parseAnnotation, parseLabel } from "../../engine/containers/parse/label.ts";
import { parseLogging } from "../../engine/containers/parse/log-opt.ts";
import { parseCgroupnsMode, parseIpcMode, parseIsolation, parsePidMode, parseUtsMode } from "../../engine/containers/parse/modes.ts";
import { parseMount } from "../../engine/containers/parse/mount.ts";
import { parseNetworks } from "../../engine/containers/parse/network.ts";
import { parseInteger, parseSize } from "../../engine/containers/parse/numbers.ts";
import { type PullPolicy, parsePlatform, parsePullPolicy } from "../../engine/containers/parse/platform.ts";
import { parseRestart } from "../../engine/containers/parse/restart.ts";
import { OPEN_SYSTEM_PATHS, parseSecurityOpt } from "../../engine/containers/parse/security-opt.ts";
import { parseStopSignal } from "../../engine/containers/parse/stop-signal.ts";
import { parseStorageOpt } from "../../engine/containers/parse/storage-opt.ts";
import { parseSysctl } from "../../engine/containers/parse/sysctl.ts";
import { parseTmpfs } from "../../engine/containers/parse/tmpfs.ts";
import { parseUsernsMode } from "../../engine/containers/parse/userns.ts";
import { parseVolume } from "../../engine/containers/parse/volume.ts";
import { listOrNull, optional, value, values } from "./flag-value.ts";
import { type ResourceFlags, readResources } from "./resource-options.ts";

/** The values of the flags as they were written, by Docker's long names; absent: not given. */
export interface RunFlags extends ResourceFlags {
  "add-host"?: readonly string[];
  attach?: readonly string[];
  "cap-add"?: readonly string[];
  "cap-drop"?: readonly string[];
  cgroupns?: string;
  cidfile?: string;
  detach?: boolean;
  "detach-keys"?: string;
  dns?: readonly string[];
  "dns-option"?: readonly string[];
  "dns-search"?: readonly string[];
  domainname?: string;
  entrypoint?: string;
  env?: readonly string[];
  "env-file"?: readonly string[];
  "group-add"?: readonly string[];
  hostname?: string;
  init?: boolean;
  interactive?: boolean;
  ipc?: string;
  isolation?: string;
  label?: readonly string[];
  "label-file"?: readonly string[];
  "log-driver"?: string;
  "log-opt"?: readonly string[];
  mount?: readonly string[];
  name?: string;
  network?: readonly string[];
  "oom-score-adj"?: string;
  pid?: string;
  platform?: string;
  privileged?: boolean;
  pull?: string;
  "read-only"?: boolean;
  restart?: string;
  rm?: boolean;
  rootfs?: string;
  "security-opt"?: readonly string[];
  "shm-size"?: string;
  "sig-proxy"?: boolean;
  "stop-signal"?: string;
  "stop-timeout"?: string;
  "storage-opt"?: readonly string[];
  annotation?: readonly string[];
  runtime?: string;
  sysctl?: readonly string[];
  tmpfs?: readonly string[];
  tty?: boolean;
  user?: string;
  userns?: string;
  uts?: string;
  volume?: readonly string[];
  workdir?: string;
}

export interface RunRequest {
  options: ContainerOptions;
  /** As the user named it; undefined with --rootfs. */
  image: string | undefined;
  name: string | undefined;
  pull: PullPolicy;
  cidfile: string | undefined;
  detach: boolean;
  /** Bytes to look for in what is typed; empty: none. */
  detachKeys: Uint8Array;
  sigProxy: boolean;
}

/** What stands behind the flags, and where they were written. */
export interface Invocation {
  /** Image, command and arguments; with --rootfs command and arguments. */
  words: readonly string[];
  cwd: string;
  /** Looks a variable of the caller up. */
  lookup: (name: string) => string | undefined;
}

/** Reads all flags. Throws HoyError in Docker's words. */
export function readRunFlags(flags: RunFlags, { words, cwd, lookup }: Invocation): RunRequest {
  const rootfs = flags.rootfs === undefined ? undefined : folder(flags.rootfs, cwd);
  const [first, ...rest] = words;
  if (rootfs === undefined && !first) throw invalid("invalid reference format: the image's name is empty");
  const image = rootfs === undefined ? first : undefined;
  const command = rootfs === undefined ? rest : words;
  const { config, hostConfig } = readOptions(flags, { cwd, lookup });
  config.Cmd = command.length > 0 ? [...command] : null;
  config.Image = rootfs ?? (image as string);
  return {
    options: {
      config,
      hostConfig,
      mounts: [],
      ...(rootfs === undefined ? {} : { rootfs }),
      ...(flags.platform ? { platform: parsePlatform(flags.platform) } : {}),
    },
    image,
    name: flags.name || undefined,
    pull: parsePullPolicy(flags.pull ?? ""),
    cidfile: flags.cidfile || undefined,
    detach: flags.detach ?? false,
    detachKeys: parseDetachKeys(flags["detach-keys"] || DEFAULT_DETACH_KEYS),
    sigProxy: flags["sig-proxy"] ?? true,
  };
}

function folder(path: string, cwd: string): string {
  if (path === "") throw invalid("--rootfs needs a folder");
  return resolve(cwd, path);
}

type Surroundings = Pick<Invocation, "cwd" | "lookup">;

function readOptions(flags: RunFlags, surroundings: Surroundings): Pick<ContainerOptions, "config" | "hostConfig"> {
  const config = readConfig(flags, surroundings);
  const hostConfig: HostConfig = {
    ...defaultHostConfig(),
    ...isolation(flags),
    ...namespaces(flags),
    ...limits(flags),
    ...names(flags),
    AutoRemove: flags.rm ?? false,
    RestartPolicy: parseRestart(flags.restart ?? ""),
    ContainerIDFile: flags.cidfile ?? "",
    LogConfig:
      flags["log-driver"] || flags["log-opt"] ? parseLogging(flags["log-driver"] ?? "", flags["log-opt"] ?? []) : { Type: "", Config: {} },
    ...(flags.init === undefined ? {} : { Init: flags.init }),
  };
  if (hostConfig.AutoRemove && hostConfig.RestartPolicy.Name !== "no")
    throw invalid("conflicting options: cannot specify both --restart and --rm");
  readMounts(flags, surroundings, config, hostConfig);
  return { config, hostConfig };
}

function readConfig(flags: RunFlags, { lookup }: Surroundings): ContainerConfig {
  const attach = values("-a, --attach", flags.attach, parseAttach);
  const envFiles = (flags["env-file"] ?? []).flatMap((file) => parseEnvFile(file, readUserFile(file), lookup));
  const labels = (flags["label-file"] ?? []).flatMap((file) => parseLabelFile(file, readUserFile(file)));
  const config: ContainerConfig = {
    ...defaultConfig(),
    ...streams(attach, flags.interactive ?? false, flags.detach ?? false),
    Hostname: parseHostname(flags.hostname ?? ""),
    Domainname: flags.domainname ?? "",
    User: flags.user ?? "",
    Tty: flags.tty ?? false,
    Env: [...envFiles, ...values("-e, --env", flags.env, (text) => parseEnv(text, lookup))],
    WorkingDir: flags.workdir ?? "",
    Entrypoint: flags.entrypoint === undefined ? null : [flags.entrypoint],
    Labels: Object.fromEntries([...labels.map(parseLabel), ...values("-l, --label", flags.label, parseLabel)]),
  };
  if (flags["stop-signal"]) config.StopSignal = parseStopSignal(flags["stop-signal"]);
  if (flags["stop-timeout"] !== undefined) config.StopTimeout = value("--stop-timeout", flags["stop-timeout"], parseInteger);
  return config;
}

function isolation(flags: RunFlags): Partial<HostConfig> {
  const security = (flags["security-opt"] ?? []).map((text) => parseSecurityOpt(text, readUserFile));
  const openPaths = security.includes(OPEN_SYSTEM_PATHS);
  return {
    Privileged: flags.privileged ?? false,
    ReadonlyRootfs: flags["read-only"] ?? false,
    CapAdd: listOrNull((flags["cap-add"] ?? []).map(normalizeCapability)),
    CapDrop: listOrNull((flags["cap-drop"] ?? []).map(normalizeCapability)),
    SecurityOpt: listOrNull(security.filter((option) => option !== OPEN_SYSTEM_PATHS)),
    ...(openPaths ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    GroupAdd: listOrNull(flags["group-add"] ?? []),
    Isolation: parseIsolation(flags.isolation ?? ""),
    Runtime: flags.runtime ?? "",
    ...annotations(flags),
  };
}

function annotations({ annotation = [] }: RunFlags): Partial<HostConfig> {
  const pairs = annotation.map(parseAnnotation);
  return pairs.length > 0 ? { Annotations: Object.fromEntries(pairs) } : {};
}

/** Namespaces that are not the container's own, and what is set in those that are. */
function namespaces(flags: RunFlags): Partial<HostConfig> {
  const sysctls = values("--sysctl", flags.sysctl, parseSysctl);
  return {
    CgroupnsMode: parseCgroupnsMode(flags.cgroupns ?? ""),
    IpcMode: parseIpcMode(flags.ipc ?? ""),
    PidMode: parsePidMode(flags.pid ?? ""),
    UsernsMode: parseUsernsMode(flags.userns ?? ""),
    UTSMode: parseUtsMode(flags.uts ?? ""),
    ...(sysctls.length > 0 ? { Sysctls: Object.fromEntries(sysctls) } : {}),
  };
}

function limits(flags: RunFlags): Partial<HostConfig> {
  return {
    ...readResources(flags),
    ShmSize: optional("--shm-size", flags["shm-size"], parseSize, 0),
    OomScoreAdj: optional("--oom-score-adj", flags["oom-score-adj"], parseInteger, 0),
  };
}

function names(flags: RunFlags): Partial<HostConfig> {
  return {
    NetworkMode: parseNetworks(flags.network ?? []),
    Dns: listOrNull(values("--dns", flags.dns, parseDns)),
    DnsOptions: listOrNull(values("--dns-option", flags["dns-option"], parseDnsOption)),
    DnsSearch: listOrNull(values("--dns-search", flags["dns-search"], parseDnsSearch)),
    ExtraHosts: listOrNull(values("--add-host", flags["add-host"], parseExtraHost)),
  };
}

function readMounts(flags: RunFlags, { cwd }: Surroundings, config: ContainerConfig, hostConfig: HostConfig): void {
  const volumes = (flags.volume ?? []).map((text) => parseVolume(text, cwd));
  const anonymous = volumes.flatMap((volume) => ("anonymous" in volume ? [volume.anonymous] : []));
  if (anonymous.length > 0) config.Volumes = Object.fromEntries(anonymous.map((target) => [target, {}]));
  hostConfig.Binds = listOrNull(volumes.flatMap((volume) => ("bind" in volume ? [volume.bind] : [])));
  const mounts = values("--mount", flags.mount, (text) => parseMount(text, cwd));
  if (mounts.length > 0) hostConfig.Mounts = mounts;
  const storage = values("--storage-opt", flags["storage-opt"], parseStorageOpt);
  if (storage.length > 0) hostConfig.StorageOpt = Object.fromEntries(storage);
  if (flags.tmpfs?.length) hostConfig.Tmpfs = Object.fromEntries(flags.tmpfs.map(parseTmpfs));
}
