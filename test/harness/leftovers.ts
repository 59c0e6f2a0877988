/** What a store still has on the machine: processes, mounts, interfaces, cgroups. A bridge, table and empty cgroup may stay with a store. */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { StorePaths } from "../../src/state/store.ts";

/** Milliseconds that the end of a container may take after hoy has returned: a monitor or a namespace on its way out. */
const GRACE_MS = 2_000;

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process is gone, or another user's
  }
}

function descriptors(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
  } catch {
    return [];
  }
}

interface Process {
  readonly pid: number;
  readonly what: string;
}

/** Processes that have the store in their command line, environment, descriptors, working folder or cgroup; not this one. */
function processesOf(paths: StorePaths, dir: string): Process[] {
  const found: Process[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    const owned =
      command.includes(`${dir}/`) ||
      read(`/proc/${pid}/environ`).includes(`${dir}/`) ||
      read(`/proc/${pid}/cgroup`).includes(`/${paths.name}/`) ||
      /\/hoy-[^/]*\.scope/.exec(read(`/proc/${pid}/cgroup`))?.[0].startsWith(`/${paths.name}-`) ||
      descriptors(pid).some((target) => target.startsWith(`${dir}/`) || target.startsWith(`${paths.run}/`));
    const state = read(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, "")
      .charAt(0);
    if (owned && state !== "Z") found.push({ pid: Number(pid), what: command || read(`/proc/${pid}/comm`).trim() });
  }
  return found;
}

const mountsOf = (paths: StorePaths, dir: string): string[] =>
  read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${dir}/`) || point.startsWith(`${paths.run}/`));

const portsOf = (bridge: string): string[] => {
  const folder = `/sys/class/net/${bridge}/brif`;
  return existsSync(folder) ? readdirSync(folder) : [];
};

const subfolders = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return []; // removed while we look
  }
};

/** Deepest first, so that each can be removed in turn. */
const tree = (path: string): string[] => [...subfolders(path).flatMap(tree), path];

/** A scope of systemd's with one of the store's containers (src/engine/containers/cgroup.ts); stores of tests have names of their own. */
const isScopeOf = (name: string, path: string): boolean => new RegExp(`/${name}-[0-9a-f]{64}\\.scope$`).test(path);

function scopesOf(name: string, at = "/sys/fs/cgroup", depth = CGROUP_DEPTH): string[] {
  if (depth === 0) return [];
  return subfolders(at).flatMap((path) => (isScopeOf(name, path) ? [path] : scopesOf(name, path, depth - 1)));
}

/** Depth at which a store's cgroup is searched: below the test's own cgroup, a user's slice and its manager. */
const CGROUP_DEPTH = 7;

function cgroupsNamed(name: string, at = "/sys/fs/cgroup", depth = CGROUP_DEPTH): string[] {
  if (depth === 0) return [];
  return subfolders(at).flatMap((path) => (path.endsWith(`/${name}`) ? [path] : cgroupsNamed(name, path, depth - 1)));
}

function problemsNow(paths: StorePaths, dir: string): string[] {
  return [
    // The pause process holds a user's namespaces until the store is reset: it belongs to the store, not to a container.
    ...processesOf(paths, dir)
      .filter(({ what }) => !/\bpause\b/.test(what))
      .map(({ pid, what }) => `process ${pid}: ${what}`),
    ...mountsOf(paths, dir).map((point) => `mount ${point}`),
    ...portsOf(paths.name).map((port) => `interface ${port} on the bridge ${paths.name}`),
    ...cgroupsNamed(paths.name).flatMap((path) =>
      subfolders(path)
        .flatMap(tree)
        // All monitors of a store share one; a monitor in it counts as a process.
        .filter((sub) => sub !== join(path, "monitors"))
        .map((sub) => `cgroup ${sub}`),
    ),
    ...scopesOf(paths.name).map((path) => `scope ${path}`),
  ];
}

/** A line for each thing of the store that is still there after a short grace. */
export async function leftovers(paths: StorePaths, dir: string): Promise<string[]> {
  for (const end = Date.now() + GRACE_MS; ; ) {
    const problems = problemsNow(paths, dir);
    if (problems.length === 0 || Date.now() > end) return problems;
    await Bun.sleep(50);
  }
}

const quietly = (...command: string[]): void => void Bun.spawnSync(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });

/** Takes away by force all that a store has on the machine but its folders. What is already gone is no error. */
export function clear(paths: StorePaths, dir: string): void {
  for (const { pid } of processesOf(paths, dir)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended by itself in between
    }
  }
  for (const point of mountsOf(paths, dir).reverse()) quietly("umount", "--lazy", point);
  if (process.getuid?.() === 0) {
    if (existsSync(`/sys/class/net/${paths.name}`)) quietly("ip", "link", "delete", paths.name);
    for (const family of ["inet", "ip", "ip6"]) quietly("nft", "delete", "table", family, paths.name);
  }
  for (const path of cgroupsNamed(paths.name).flatMap(tree)) {
    try {
      rmdirSync(path);
    } catch {
      // a process of it is still on its way out; an empty cgroup costs nothing
    }
  }
}
