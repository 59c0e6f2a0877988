/** What `info` tells: Docker's Info (API 1.50), as far as an engine without a daemon has it. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { hostname, machine, release, totalmem } from "node:os";
import { hasAppArmor } from "../../runtime/apparmor/host.ts";
import { type CgroupHost, detectCgroups } from "../../runtime/cgroup/host.ts";
import { hasSelinux } from "../../runtime/selinux/host.ts";
import { systemdRuns } from "../../runtime/systemd/host.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { listContainers } from "../containers/list.ts";
import { OWN_RUNTIME } from "../containers/options.ts";
import { engineProgram } from "../containers/program.ts";

export interface SystemInfo {
  ID: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus: [name: string, value: string][];
  Plugins: { Volume: string[]; Network: string[]; Log: string[] };
  LoggingDriver: string;
  /** By the names that --runtime takes; besides these there are the programs in $PATH. */
  Runtimes: Record<string, { path: string; runtimeArgs?: string[] | undefined }>;
  DefaultRuntime: string;
  CgroupDriver: string;
  /** Empty where no cgroups are mounted. */
  CgroupVersion: string;
  SecurityOptions: string[];
  KernelVersion: string;
  OperatingSystem: string;
  OSType: string;
  Architecture: string;
  NCPU: number;
  /** Bytes. */
  MemTotal: number;
  Name: string;
  DockerRootDir: string;
  ServerVersion: string;
  RegistryConfig: { Mirrors: string[]; InsecureRegistries: string[] };
  LiveRestoreEnabled: boolean;
  Debug: boolean;
  ExperimentalBuild: boolean;
}

export async function systemInfo(store: Store, version: string): Promise<SystemInfo> {
  const settings = await readSettings();
  const states = listContainers(store, { all: true }).map(({ state }) => state.status);
  const running = states.filter((status) => status === "running").length;
  const paused = states.filter((status) => status === "paused").length;
  const { images } = store.db.query("SELECT count(*) AS images FROM images WHERE removed = 0").get() as { images: number };
  const cgroups = detectCgroups();
  return {
    ID: store.name,
    Containers: states.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: states.length - running - paused,
    Images: images,
    Driver: "overlay2",
    DriverStatus: [
      ["Backing Filesystem", fileSystem(store.root)],
      ["userxattr", String(store.rootless)],
    ],
    Plugins: { Volume: ["local"], Network: ["bridge", "host", "null"], Log: ["json-file", "none"] },
    LoggingDriver: settings["log-driver"] ?? "json-file",
    Runtimes: { [OWN_RUNTIME]: { path: engineProgram().path }, ...settings.runtimes },
    DefaultRuntime: settings["default-runtime"] ?? OWN_RUNTIME,
    CgroupDriver: mayUse(cgroups) ? await cgroupDriver(store, cgroups) : "none",
    CgroupVersion: CGROUP_VERSIONS[cgroups.mode],
    SecurityOptions: [
      ...(hasAppArmor() ? ["name=apparmor"] : []),
      "name=seccomp,profile=builtin",
      ...(settings["selinux-enabled"] && hasSelinux() ? ["name=selinux"] : []),
      ...(store.rootless ? ["name=rootless"] : []),
      "name=cgroupns",
    ],
    KernelVersion: release(),
    OperatingSystem: operatingSystem(),
    OSType: "linux",
    Architecture: machine(),
    NCPU: navigator.hardwareConcurrency,
    MemTotal: totalmem(),
    Name: hostname(),
    DockerRootDir: store.root,
    ServerVersion: version,
    RegistryConfig: {
      Mirrors: settings["registry-mirrors"] ?? [],
      InsecureRegistries: [...(settings["insecure-registries"] ?? []), "::1/128", "127.0.0.0/8"],
    },
    // containers outlive every command: there is no daemon that they could go down with
    LiveRestoreEnabled: true,
    Debug: false,
    ExperimentalBuild: false,
  };
}

/** A hybrid host has its controllers in v1. */
const CGROUP_VERSIONS = { v1: "1", hybrid: "1", v2: "2", none: "" } as const;

/** As a start decides it. */
async function cgroupDriver({ rootless }: Store, host: CgroupHost): Promise<string> {
  if (host.mode !== "v2" || !systemdRuns()) return "cgroupfs";
  const { managerOf } = await import("../../runtime/systemd/self.ts");
  using manager = managerOf(host, rootless);
  return manager ? "systemd" : "cgroupfs";
}

/** Without a delegated cgroup, a user's containers have none of their own, and no limits. */
const mayUse = ({ v1, v2 }: CgroupHost): boolean => [...v1, ...(v2 ? [v2] : [])].some(({ base }) => base !== null);

/** PRETTY_NAME of os-release(5). */
function operatingSystem(): string {
  const path = ["/etc/os-release", "/usr/lib/os-release"].find((each) => existsSync(each));
  const name = path && /^PRETTY_NAME=(?:"(.*)"|'(.*)'|(.*))$/m.exec(readFileSync(path, "utf8"));
  return name ? (name[1] ?? name[2] ?? name[3] ?? "Linux") : "Linux";
}

/** Names that Docker has for the magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  2435016766: "btrfs",
  61267: "extfs",
  2035054128: "overlayfs",
  1382369651: "reiserfs",
  16914836: "tmpfs",
  1481003842: "xfs",
  801189825: "zfs",
  4076150800: "f2fs",
  3393526350: "bcachefs",
};

const fileSystem = (folder: string): string => FILE_SYSTEMS[statfsSync(folder).type] ?? "<unknown>";
