/** What every container has by Docker's defaults (moby daemon/pkg/oci/defaults.go): mounts, devices, paths that are hidden. */
import { existsSync, readFileSync } from "../../ffi/fs.ts";
import type { Device, DeviceRule, Mount, NamespaceType } from "../spec/runtime.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Bytes of /dev/shm unless `--shm-size` says otherwise. */
export const DEFAULT_SHM_SIZE = 64 << 20;

/** In the order in which they are mounted; `shmSize` in bytes. */
export function defaultMounts(shmSize = DEFAULT_SHM_SIZE): Mount[] {
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${shmSize}`] },
  ];
}

export const READONLY_PATHS: readonly string[] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts", // timing of keystrokes: GHSA-6fw5-f8r9-fgfm
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap", // power as a side channel: GHSA-jq35-85cj-fj4p
  "/sys/firmware",
];

/** The numbers in a kernel's list of CPUs, `0-3,8`. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const range of text.trim().split(",")) {
    const [from, to = from] = range.split("-").map(Number);
    if (from === undefined || to === undefined || !range || Number.isNaN(from) || Number.isNaN(to)) continue;
    for (let cpu = from; cpu <= to; cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** Per CPU, where the machine has it: its counters leak as /proc/interrupts does. */
function thermalThrottlePaths(): string[] {
  const cpus = "/sys/devices/system/cpu";
  // All CPUs have it or none: the first one answers for a machine (most often a virtual one) without.
  if (!existsSync(`${cpus}/cpu0/thermal_throttle`)) return [];
  return parseCpuList(readFileSync(`${cpus}/possible`, "utf8"))
    .map((cpu) => `${cpus}/cpu${cpu}/thermal_throttle`)
    .filter((path) => existsSync(path));
}

/** Files are covered by /dev/null, folders by an empty read-only tmpfs; what does not exist in the container is skipped. */
export const maskedPaths = (): string[] => [...MASKED_PATHS, ...thermalThrottlePaths()];

/**
 * The namespaces that a container has of its own unless its options say otherwise. The cgroup namespace is not among them:
 * Docker makes one on cgroup v2 alone. The time namespace (kernel 5.6) hides the host's uptime from side channels.
 */
export function defaultNamespaces(): NamespaceType[] {
  const types: NamespaceType[] = ["mount", "network", "uts", "pid", "ipc"];
  return existsSync("/proc/self/ns/time") ? [...types, "time"] : types;
}

/** Nodes of every container (config-linux.md, default devices); /dev/console and /dev/ptmx are made from its own pts. */
export const DEFAULT_DEVICES: readonly Device[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666, uid: 0, gid: 0 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666, uid: 0, gid: 0 },
];

/** Links in /dev: [name, target]. */
export const DEFAULT_DEVICE_LINKS: readonly (readonly [name: string, target: string])[] = [
  ["/dev/ptmx", "pts/ptmx"],
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/core", "/proc/kcore"],
];

const use = (major: number, minor?: number): DeviceRule => ({
  allow: true,
  type: "c",
  major,
  ...(minor === undefined ? {} : { minor }),
  access: "rwm",
});

/** Docker's rules for config.json (`linux.resources.devices`): all are denied but these; fuse (10:229) is named. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  { allow: false, access: "rwm" },
  use(1, 5),
  use(1, 3),
  use(1, 9),
  use(1, 8),
  use(5, 0),
  use(5, 1),
  { ...use(10, 229), allow: false },
];
