/**
 * What cgroups this process can use: /proc/self/mountinfo and /proc/self/cgroup (cgroups(7)), read once.
 * Docker's name for a cgroup's place is kept: a path inside its hierarchy; `base` is where it lies in the file system.
 */

import { AT_FDCWD } from "../../../ffi/fd.ts";
import { readFileSync } from "../../../ffi/fs.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";

export interface V1Hierarchy {
  /** Its name in /proc/self/cgroup, which is also the mount option: `cpu,cpuacct`, `name=systemd`. */
  name: string;
  controllers: string[];
  mountpoint: string;
  /** The cgroup of this process, inside the hierarchy. */
  ownPath: string;
  /** Folder below which we may make cgroups and move processes there; null: none (a user without delegation, a read-only mount). */
  base: string | null;
}

export interface V2Hierarchy {
  mountpoint: string;
  /** The controllers that `base` may hand down (all of the mount's where base is null). Devices and freezing are no controllers in v2. */
  controllers: string[];
  ownPath: string;
  base: string | null;
  /**
   * `base` is what the user's manager has, and we are in a login session beside it: what lies there can be read and changed, but no
   * process be moved into it (systemd/self.ts).
   */
  outside?: boolean;
}

export interface CgroupHost {
  /** none: no cgroup file system is mounted. */
  mode: "v2" | "v1" | "hybrid" | "none";
  v1: V1Hierarchy[];
  v2?: V2Hierarchy;
}

interface Mount {
  /** The cgroup that the mountpoint shows, inside its hierarchy. */
  root: string;
  mountpoint: string;
  type: "cgroup" | "cgroup2";
  options: string[];
}

const unescapeField = (field: string): string =>
  field.includes("\\") ? field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) : field;

const MARK = " - cgroup";

function cgroupMounts(mountinfo: string): Mount[] {
  const mounts: Mount[] = [];
  // Most lines are other mounts: a search for the mark is cheaper than taking all lines apart.
  for (let dash = mountinfo.indexOf(MARK); dash >= 0; dash = mountinfo.indexOf(MARK, dash + 1)) {
    const end = mountinfo.indexOf("\n", dash);
    const [, , , root, mountpoint] = mountinfo.slice(mountinfo.lastIndexOf("\n", dash) + 1, dash).split(" ");
    const [type, , options] = mountinfo.slice(dash + 3, end < 0 ? undefined : end).split(" ");
    if (!root || !mountpoint || (type !== "cgroup" && type !== "cgroup2")) continue;
    mounts.push({ root: unescapeField(root), mountpoint: unescapeField(mountpoint), type, options: (options ?? "").split(",") });
  }
  // Others than the usual place are somebody's root for another container.
  return mounts.sort((a, b) => Number(b.mountpoint.startsWith("/sys/fs/cgroup")) - Number(a.mountpoint.startsWith("/sys/fs/cgroup")));
}

/** The folder of `path`, or null where the mount does not show it (a cgroup namespace with a process from outside). */
function folderOf(mount: Mount, path: string): string | null {
  const inside =
    mount.root === "/" ? path : path === mount.root ? "/" : path.startsWith(`${mount.root}/`) ? path.slice(mount.root.length) : null;
  if (inside === null || inside.startsWith("/..")) return null;
  return inside === "/" ? mount.mountpoint : mount.mountpoint + inside;
}

const W_OK = 2;

/** Whatever the reason if not (EACCES, EROFS, ENOENT): no cgroup of ours can be made there. */
const writable = (path: string): boolean => sys(NR.faccessat, AT_FDCWD, cstr(path), W_OK) === 0;

/**
 * The highest cgroup above (or at) our own that lets us make children and move processes in: root has the mountpoint itself.
 * For moving between v2 cgroups the kernel asks for write access to `cgroup.procs` of the common ancestor, and that is this one.
 */
function findBase(mount: Mount, ownPath: string, gate: "cgroup.procs" | "tasks"): string | null {
  const own = folderOf(mount, ownPath);
  const steps = own === null ? [] : own.slice(mount.mountpoint.length).split("/").filter(Boolean);
  let folder = mount.mountpoint;
  for (let depth = 0; ; depth++) {
    if (writable(`${folder}/${gate}`) && writable(folder)) return folder;
    const step = steps[depth];
    if (step === undefined) return null;
    folder += `/${step}`;
  }
}

/** `/user.slice/user-1000.slice/session-2.scope` → what user@1000.service has, if it is ours to write to. */
function managersBase(mount: Mount, ownPath: string): string | null {
  const [, slice = "", uid] = /^(.*\/user-(\d+)\.slice)\//.exec(ownPath) ?? [];
  if (uid === undefined) return null;
  const folder = folderOf(mount, `${slice}/user@${uid}.service`);
  return folder !== null && writable(`${folder}/cgroup.procs`) && writable(folder) ? folder : null;
}

function controllersOf(folder: string): string[] {
  try {
    return readFileSync(`${folder}/cgroup.controllers`, "utf8").trim().split(" ").filter(Boolean);
  } catch {
    // Another mount hides this one: nothing there can be used, and findBase found none.
    return [];
  }
}

/** The v1 mount of a hierarchy. Plain loops: every start asks for ten of them, before anything is compiled. */
function mountOf(mounts: readonly Mount[], controllers: readonly string[]): Mount | undefined {
  search: for (const mount of mounts) {
    if (mount.type !== "cgroup") continue;
    for (const controller of controllers) if (!mount.options.includes(controller)) continue search;
    return mount;
  }
  return undefined;
}

/** The same from the two files' texts, for tests; `probe` off leaves `base` at the mountpoint and asks the file system nothing. */
export function parseCgroups(mountinfo: string, ownCgroups: string, probe = true): CgroupHost {
  const mounts = cgroupMounts(mountinfo);
  const host: CgroupHost = { mode: "none", v1: [] };
  for (const line of ownCgroups.split("\n")) {
    const [id, name, ...path] = line.split(":");
    if (id === undefined || name === undefined || path.length === 0) continue;
    const ownPath = path.join(":");
    if (name === "") {
      const mount = mounts.find(({ type }) => type === "cgroup2");
      if (!mount) continue;
      const own = probe ? findBase(mount, ownPath, "cgroup.procs") : mount.mountpoint;
      const base = own ?? managersBase(mount, ownPath);
      const controllers = probe ? controllersOf(base ?? mount.mountpoint) : [];
      host.v2 = { mountpoint: mount.mountpoint, controllers, ownPath, base, ...(own === base ? {} : { outside: true }) };
    } else {
      const controllers = name.split(",");
      const mount = mountOf(mounts, controllers);
      if (!mount) continue;
      const base = probe ? findBase(mount, ownPath, "tasks") : mount.mountpoint;
      host.v1.push({ name, controllers, mountpoint: mount.mountpoint, ownPath, base });
    }
  }
  host.mode = host.v1.length === 0 ? (host.v2 ? "v2" : "none") : host.v2 ? "hybrid" : "v1";
  return host;
}

let detected: CgroupHost | undefined;

/** Reads this process's cgroups, once: half a millisecond with ten hierarchies. */
export function detectCgroups(): CgroupHost {
  detected ??= parseCgroups(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"));
  return detected;
}

/** After this process was moved. */
export function detectCgroupsAnew(): CgroupHost {
  detected = undefined;
  return detectCgroups();
}

/** From here on this process has no cgroups where it could only have looked on. */
export function giveUpOutside(): CgroupHost {
  const { v2, ...rest } = detectCgroups();
  const { outside: _outside, ...ours } = v2 ?? { mountpoint: "", controllers: [], ownPath: "", base: null };
  detected = v2 ? { ...rest, v2: { ...ours, base: null } } : rest;
  return detected;
}
