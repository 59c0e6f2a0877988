/**
 * From what the user asked to what the container is: the image's defaults are merged in, names that follow from the id and the host
 * are filled in, and what can be wrong without looking at the store is refused (moby daemon/create.go, merge of container/config).
 */
import { resolveCapabilities } from "../../runtime/capabilities.ts";
import { DEFAULT_SHM_SIZE } from "../../runtime/defaults.ts";
import { HoyError } from "../../spec/error.ts";
import type { Settings } from "../../spec/settings.ts";
import { checkModes } from "./check-modes.ts";
import { checkResources, type ResourceFacts } from "./check-resources.ts";
import { planMounts } from "./mounts.ts";
import type { ContainerConfig, ContainerOptions, HostConfig } from "./options.ts";
import { invalid } from "./parse/invalid.ts";
import { parseLogging } from "./parse/log-opt.ts";
import { effectiveSwap } from "./parse/memory.ts";
import { parseSize } from "./parse/numbers.ts";
import { cleanPath } from "./parse/target.ts";

/** The `config` of an OCI image config (image-spec config.md), as far as containers inherit it. Absent, null and empty are one. */
export interface ImageDefaults {
  User?: string | undefined;
  ExposedPorts?: Record<string, unknown> | null | undefined;
  Env?: readonly string[] | null | undefined;
  /** Images of old builders have a single word here in place of a list. */
  Entrypoint?: readonly string[] | string | null | undefined;
  Cmd?: readonly string[] | string | null | undefined;
  Volumes?: Record<string, unknown> | null | undefined;
  WorkingDir?: string | undefined;
  Labels?: Record<string, string> | null | undefined;
  StopSignal?: string | undefined;
  Healthcheck?: Record<string, unknown> | null | undefined;
  OnBuild?: readonly string[] | null | undefined;
  Shell?: readonly string[] | null | undefined;
}

export interface Completion extends ResourceFacts {
  /** 64 hex digits; the first 12 are the default host name. */
  id: string;
  /** Undefined for --rootfs. */
  image: ImageDefaults | undefined;
  /** Name of the host, which a container in its network shares. */
  hostHostname: string;
  /** 1 also for a hybrid host, whose controllers are v1's. */
  cgroupVersion: 1 | 2;
  /** Defaults of this host for what the user left open. */
  settings?: ContainerSettings;
}

export type ContainerSettings = Pick<
  Settings,
  "log-driver" | "log-opts" | "default-ulimits" | "default-shm-size" | "dns" | "dns-search" | "dns-opts" | "init"
>;

/** The options to store. Throws HoyError for what contradicts itself; volumes without a name are named by create. */
export function completeOptions(options: ContainerOptions, facts: Completion): ContainerOptions {
  checkModes(options.config, options.hostConfig);
  const config = mergeImage(options.config, facts.image ?? {});
  const hostConfig = completeHostConfig(options.hostConfig, facts);
  if (config.Entrypoint?.length === 1 && config.Entrypoint[0] === "") config.Entrypoint = null;
  if (!config.Entrypoint?.length && !config.Cmd?.length)
    throw new HoyError("no command specified", { status: 400, hint: noCommandHint(facts.image) });
  config.Hostname ||= hostConfig.NetworkMode === "host" ? facts.hostHostname : facts.id.slice(0, 12);
  if (config.WorkingDir !== "" && !config.WorkingDir.startsWith("/"))
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  if (config.WorkingDir !== "") config.WorkingDir = cleanPath(config.WorkingDir);
  const completed = { ...options, config, hostConfig };
  return { ...completed, mounts: planMounts(completed) };
}

const noCommandHint = (image: Completion["image"]): string =>
  image?.Cmd?.length ? "--entrypoint also sets the image's CMD aside: give a command" : "the image has neither CMD nor ENTRYPOINT";

function completeHostConfig(asked: HostConfig, facts: Completion): HostConfig {
  const { cgroupVersion, settings = {} } = facts;
  checkResources(asked, facts);
  resolveCapabilities({ add: asked.CapAdd, drop: asked.CapDrop, privileged: asked.Privileged });
  const init = asked.Init ?? settings.init;
  return {
    ...asked,
    LogConfig: logging(asked.LogConfig, settings),
    ShmSize: asked.ShmSize || shmSize(settings),
    Dns: asked.Dns ?? settings.dns ?? null,
    DnsSearch: asked.DnsSearch ?? settings["dns-search"] ?? null,
    DnsOptions: asked.DnsOptions ?? settings["dns-opts"] ?? null,
    Ulimits: ulimits(asked, settings),
    MemorySwap: effectiveSwap(asked.Memory, asked.MemorySwap),
    PidsLimit: asked.PidsLimit !== null && asked.PidsLimit > 0 ? asked.PidsLimit : null,
    // v2 has no such switch: not to want it is to want nothing.
    OomKillDisable: cgroupVersion === 2 && !asked.OomKillDisable ? null : asked.OomKillDisable,
    IpcMode: asked.IpcMode || "private",
    // As dockerd: on v1 a container shares the host's cgroup namespace.
    CgroupnsMode: asked.CgroupnsMode || (cgroupVersion === 2 ? "private" : "host"),
    ...(init === undefined ? {} : { Init: init }),
  };
}

/** The host's options count for the host's driver, below those asked for. */
function logging({ Type, Config }: HostConfig["LogConfig"], settings: ContainerSettings): HostConfig["LogConfig"] {
  const driver = settings["log-driver"] || "json-file";
  const options = Type === "" || Type === driver ? { ...settings["log-opts"], ...Config } : Config;
  return parseLogging(
    Type || driver,
    Object.entries(options).map(([key, value]) => `${key}=${value}`),
  );
}

function shmSize({ "default-shm-size": size }: ContainerSettings): number {
  if (size === undefined) return DEFAULT_SHM_SIZE;
  return typeof size === "number" ? size : parseSize(size);
}

/** The host's default limits, overruled by those asked for. */
function ulimits({ Ulimits }: HostConfig, { "default-ulimits": defaults = {} }: ContainerSettings): HostConfig["Ulimits"] {
  const limits = new Map(Object.entries(defaults).map(([name, { Soft, Hard }]) => [name, { Name: name, Hard, Soft }]));
  for (const limit of Ulimits ?? []) limits.set(limit.Name, limit);
  return limits.size > 0 ? [...limits.values()] : null;
}

/** Docker's merge: what the user gave wins, lists of names are united, an entrypoint of the user's drops the image's command. */
export function mergeImage(user: ContainerConfig, image: ImageDefaults): ContainerConfig {
  const merged: ContainerConfig = {
    ...user,
    User: user.User || (image.User ?? ""),
    Env: mergeEnv(user.Env, image.Env ?? []),
    Labels: { ...image.Labels, ...user.Labels },
    WorkingDir: user.WorkingDir || (image.WorkingDir ?? ""),
    Volumes: names({ ...image.Volumes, ...user.Volumes }),
    OnBuild: image.OnBuild?.length ? [...image.OnBuild] : null,
  };
  if (!user.Entrypoint?.length) {
    if (!user.Cmd?.length) merged.Cmd = words(image.Cmd);
    merged.Entrypoint = words(image.Entrypoint);
  }
  const ports = names({ ...image.ExposedPorts, ...user.ExposedPorts });
  if (ports) merged.ExposedPorts = ports;
  if (!user.Healthcheck && image.Healthcheck) merged.Healthcheck = image.Healthcheck;
  if (!user.StopSignal && image.StopSignal) merged.StopSignal = image.StopSignal;
  if (image.Shell?.length) merged.Shell = [...image.Shell];
  return merged;
}

function words(value: ImageDefaults["Cmd"]): string[] | null {
  if (!value) return null;
  return typeof value === "string" ? [value] : [...value];
}

function names(record: Record<string, unknown>): Record<string, Record<string, never>> | null {
  const keys = Object.keys(record);
  return keys.length === 0 ? null : Object.fromEntries(keys.map((key) => [key, {}]));
}

const nameOf = (entry: string): string => entry.split("=", 1)[0] as string;

/** The user's variables, then those of the image that the user neither set nor unset. */
function mergeEnv(user: readonly string[], image: readonly string[]): string[] {
  const given = new Set(user.map(nameOf));
  return [...user, ...image.filter((entry) => !given.has(nameOf(entry)))];
}
