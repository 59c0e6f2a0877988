/** OCI mounts → operations of the new mount API: everything is made detached, then attached by descriptor. */

import { resolve } from "node:path";
import { EPERM } from "../../../ffi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, RESOLVE_NO_SYMLINKS } from "../../../ffi/fd.ts";
import { statfsSync, statSync } from "../../../ffi/fs.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { type Slot, slot } from "../../../ffi/tape.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { withoutTrailingSlashes } from "../../spec/path.ts";
import type { Mount } from "../../spec/runtime.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";
import { attach, keepKernel, makeDirectories, makeFile, type Planner } from "./paths.ts";

export const OPEN_TREE_CLONE = 1;
export const AT_RECURSIVE = 0x8000;
const CLOEXEC = 0o2000000;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG = { flag: 0, string: 1, create: 6 } as const;
/** Longest value that fsconfig(2) takes. */
const LONGEST_VALUE = 255;

const CONTEXT = slot(2);
const MOUNT = slot(3);

/** struct mount_attr (mount_setattr(2)) in the tape. */
function mountAttr({ tape }: Planner, set: number, clear: number, propagation = 0): number {
  const at = tape.space(32);
  tape.poke(at, set);
  tape.poke(at + 8, clear);
  tape.poke(at + 16, propagation);
  return at;
}

/** Sets attributes of the mount that a slot holds; `recursive` for those below it too. */
export function setAttributes(
  planner: Planner,
  step: string,
  mount: Slot | number,
  change: { set?: number; clear?: number; propagation?: number; recursive?: boolean },
): void {
  const { set = 0, clear = 0, propagation = 0, recursive = false } = change;
  if (!set && !clear && !propagation) return;
  planner.part.op(step, NR.mount_setattr, [
    mount,
    "",
    AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
    mountAttr(planner, set, clear, propagation),
    32,
  ]);
}

/** A new file system, mounted detached into a slot. */
export function newFileSystem(
  planner: Planner,
  step: string,
  type: string,
  settings: { source?: string; data?: readonly string[]; attributes?: number; out?: Slot },
): Slot {
  const { part } = planner;
  const { source, data = [], attributes = 0, out = MOUNT } = settings;
  part.op(step, NR.fsopen, [type, 1], { out: CONTEXT });
  if (source) part.op(step, NR.fsconfig, [CONTEXT, FSCONFIG.string, "source", source, 0]);
  for (const word of data) {
    const equals = word.indexOf("=");
    if (word.length - equals > LONGEST_VALUE) throw new HoyError(`${step}: the option ${word.slice(0, 40)}… is too long`, { status: 400 });
    if (equals < 0) part.op(`${step} (option ${word})`, NR.fsconfig, [CONTEXT, FSCONFIG.flag, word, 0, 0]);
    else part.op(`${step} (option ${word})`, NR.fsconfig, [CONTEXT, FSCONFIG.string, word.slice(0, equals), word.slice(equals + 1), 0]);
  }
  part.op(step, NR.fsconfig, [CONTEXT, FSCONFIG.create, 0, 0, 0]);
  part.op(step, NR.fsmount, [CONTEXT, FSMOUNT_CLOEXEC, attributes], { out });
  return out;
}

/** True for a source that is mounted as a folder. Throws when it does not exist. */
function isDirectory(source: string): boolean {
  try {
    return statSync(source).isDirectory();
  } catch (error) {
    throw new HoyError(`cannot mount ${source}: ${reasonOf(error)}`, { status: 400, cause: error });
  }
}

const SOURCE = slot(5);

/** Copies the mount(s) at `source` detached into a slot: the first half of a bind. */
export function copyTree(planner: Planner, source: string, recursive: boolean, out: Slot = MOUNT): void {
  planner.part.op(`bind ${source}`, NR.open_tree, [AT_FDCWD, source, OPEN_TREE_CLONE | CLOEXEC | (recursive ? AT_RECURSIVE : 0)], { out });
}

/** The same for a source that was found to have no link in it: one that was put there since is not followed (CVE-2024-23651). */
function copyResolvedTree(planner: Planner, source: string, recursive: boolean, out: Slot = MOUNT): void {
  const { tape, part } = planner;
  const how = tape.space(24);
  tape.poke(how, O_PATH | O_CLOEXEC);
  tape.poke(how + 16, RESOLVE_NO_SYMLINKS);
  part.op(`open ${source}`, NR.openat2, [AT_FDCWD, source, how, 24], { out: SOURCE });
  const flags = OPEN_TREE_CLONE | CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  part.op(`bind ${source}`, NR.open_tree, [SOURCE, "", flags], { out });
}

/** Copies the source of a bind detached into a slot. */
export const copySource = (planner: Planner, { source = "", resolved }: Mount, recursive: boolean, out?: Slot): void =>
  (resolved ? copyResolvedTree : copyTree)(planner, source, recursive, out);

const PRIVATE = 1 << 18;
const isShared = ({ propagation }: MountOptions): boolean => propagation !== undefined && propagation.flag !== PRIVATE;

interface Planned {
  mount: Mount;
  options: MountOptions;
  /** SELinux label for all that is in it. */
  label: string | undefined;
  /** The mount is made in a user namespace that is new with the container. */
  inNewIds: boolean;
  /** The descriptor of the detached mount, where somebody else has made it. */
  ready: number | undefined;
}

/** `early`: where a source with propagation was copied to while the host's tree was still shared. */
function bind(planner: Planner, { mount, options, ready }: Planned, early: Slot | undefined): void {
  const source = mount.source ?? "";
  const step = `bind ${source} on ${mount.destination}`;
  // what was copied from another container is a folder
  if (mount.source === undefined || isDirectory(source)) makeDirectories(planner, mount.destination);
  else makeFile(planner, mount.destination);
  const tree = ready ?? early ?? MOUNT;
  if (tree === MOUNT) copySource(planner, mount, options.recursive);
  const { flag, recursive } = options.propagation ?? { flag: PRIVATE, recursive: true };
  setAttributes(planner, step, tree, { propagation: flag, recursive });
  setAttributes(planner, step, tree, { set: options.set, clear: options.clear });
  setAttributes(planner, step, tree, { set: options.setRecursive, clear: options.clearRecursive, recursive: true });
  const target = targetOf(mount);
  attach(planner, step, tree, target, `${target}/`.startsWith("/proc/") || KERNEL_TYPES.has(mount.type ?? ""));
  keepKernel(planner, target, tree);
}

/** Moves a detached mount in its place: one that is in no namespace cannot be copied before Linux 6.15. */
function moveIn(planner: Planner, { mount, options, ready }: Planned): void {
  const { source = "", destination } = mount;
  const step = `mount ${destination}`;
  if (isDirectory(source)) makeDirectories(planner, destination);
  else makeFile(planner, destination);
  if (ready === undefined) planner.part.op(step, NR.openat, [AT_FDCWD, source, O_PATH | O_CLOEXEC], { out: MOUNT });
  const made = ready ?? MOUNT;
  setAttributes(planner, step, made, { set: options.set, clear: options.clear });
  setAttributes(planner, step, made, { set: options.setRecursive, clear: options.clearRecursive, recursive: true });
  attach(planner, step, made, destination);
}

/** File systems of the kernel: their target may be no link, and nothing of the image may stand in for them (CVE-2019-19921, CVE-2023-27561). */
const KERNEL_TYPES = new Set(["proc", "sysfs"]);

/** SELinux takes no label for all of these; an mqueue's folder gets it as a file of its own has it (runc, mountToRootfs). */
const UNLABELLED: ReadonlySet<string> = new Set([...KERNEL_TYPES, "mqueue"]);
const FOLDER = slot(46);

/** The folder of a mount that takes no label as an option. */
function labelFolder({ part }: Planner, step: string, { mount, label, inNewIds }: { mount: Slot; label: string; inNewIds: boolean }): void {
  part.op(step, NR.openat, [mount, ".", O_DIRECTORY | O_CLOEXEC], { out: FOLDER });
  const args = [FOLDER, "security.selinux", label, Buffer.byteLength(label) + 1, 0];
  // made with the namespaces, before the ids had a map: the folder is nobody's there, and keeps the label that it was made with
  part.op(`${step}: label it ${label}`, NR.fsetxattr, args, inNewIds ? { ignore: EPERM } : {});
  part.op("close", NR.close, [FOLDER]);
}

function mountNew(planner: Planner, { mount, options, ready, label, inNewIds }: Planned): void {
  const type = mount.type ?? "";
  const step = `mount ${mount.destination} (${type})`;
  makeDirectories(planner, mount.destination);
  const data = label === undefined || UNLABELLED.has(type) ? options.data : [...options.data, `context=${label}`];
  const made = ready ?? newFileSystem(planner, step, type, { source: mount.source ?? type, data, attributes: options.set });
  if (label !== undefined && type === "mqueue" && typeof made !== "number") labelFolder(planner, step, { mount: made, label, inNewIds });
  if (ready !== undefined) setAttributes(planner, step, ready, { set: options.set });
  if (options.propagation)
    setAttributes(planner, step, made, { propagation: options.propagation.flag, recursive: options.propagation.recursive });
  attach(planner, step, made, mount.destination, KERNEL_TYPES.has(type));
  keepKernel(planner, targetOf(mount), made);
}

/**
 * What lxcfs and its like stand in for: runc's list (checkProcMount) without net/dev, as the kernel looks everything below /proc/net
 * up anew each time, and a mount there is gone at the first look.
 */
const BINDS_BELOW_PROC = new Set(
  [
    ...["cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo"],
    ...["sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"],
  ].map((name) => `/proc/${name}`),
);
const PROC_SUPER_MAGIC = 0x9fa0;
const PROC_ROOT_INO = 1;

const isBind = ({ type, options = [] }: Mount): boolean => type === "bind" || options.includes("bind") || options.includes("rbind");

/** Without `//`, `.` and `..`, from the root (runc takes a relative one for that, too): the names by which a mount on /proc is known. */
function targetOf({ destination }: Mount): string {
  const plain = destination.startsWith("/") && !destination.includes("//") && !destination.includes("/.");
  return (plain ? withoutTrailingSlashes(destination) : resolve("/", destination)) || "/";
}

/** Other mounts on or below /proc could stand in for what programs trust (CVE-2015-3631, CVE-2019-16884). */
function refuseProc(mount: Mount): void {
  const path = targetOf(mount);
  if (path.startsWith("/proc/") && !(isBind(mount) && BINDS_BELOW_PROC.has(path)))
    throw new HoyError(`a mount on ${mount.destination} is refused: it would stand in for the kernel's own /proc`, { status: 400 });
  if (path === "/proc" && (isBind(mount) ? !isProcRoot(mount.source ?? "") : mount.type !== "proc"))
    throw new HoyError("a mount on /proc has to be a proc file system", { status: 400 });
}

/** True for the top folder of a mounted procfs. */
function isProcRoot(source: string): boolean {
  isDirectory(source);
  return statfsSync(source).type === PROC_SUPER_MAGIC && statSync(source).ino === PROC_ROOT_INO;
}

/** Order of mounting: 0 what is elsewhere, 1 on /proc, 2 below it. */
function procRank(mount: Mount): 0 | 1 | 2 {
  const path = targetOf(mount);
  if (path.startsWith("/proc/")) return 2;
  return mount.type === "proc" || path === "/proc" ? 1 : 0;
}

const FIRST_EARLY = 8;
const LAST_EARLY = 40;

/**
 * Prepares the mounts of a spec. `early` is to be played before the host's tree is made private, `late` once the root is attached.
 * Mounts of type cgroup are left to the caller. `ready` has the descriptors in the player of those that are made already, `copies`
 * the sources that were copied before, by their destination, `label` is linux.mountLabel: that of every new file system.
 */
export function planMounts(
  mounts: readonly Mount[],
  given: {
    ready?: ReadonlyMap<Mount, number> | undefined;
    copies?: ReadonlyMap<string, Slot> | undefined;
    label?: string | undefined;
    inNewIds?: boolean;
  } = {},
): {
  early(planner: Planner): void;
  late(planner: Planner, mountCgroup: (mount: Mount) => void): void;
} {
  const { ready = new Map<Mount, number>(), copies = new Map<string, Slot>() } = given;
  const planned = mounts.map((mount) => {
    refuseProc(mount);
    const options = parseMountOptions(mount.destination, mount.options ?? []);
    if (options.idMap && !ready.has(mount))
      throw new HoyError(`the mount on ${mount.destination}: "${options.idMap}" is not supported here`);
    return { mount, options, ready: ready.get(mount), label: given.label || undefined, inNewIds: given.inNewIds ?? false };
  });
  const isCopied = ({ destination, source }: Mount): boolean => copies.has(destination) && source === undefined;
  const shared = planned.filter(
    ({ options, mount, ready: made }) => options.bind && isShared(options) && !isCopied(mount) && made === undefined,
  );
  if (shared.length > LAST_EARLY - FIRST_EARLY)
    throw new HoyError(`${shared.length} mounts with shared or slave propagation are too many`, { status: 400 });
  const slots = new Map(shared.map((entry, index) => [entry, slot(FIRST_EARLY + index)]));
  return {
    early(planner) {
      for (const [{ mount, options }, out] of slots) copySource(planner, mount, options.recursive, out);
    },
    late(planner, mountCgroup) {
      // proc last: a target that is a link of the image to /proc lies below the real one then, not over it (CVE-2019-16884)
      for (const entry of planned.toSorted((a, b) => procRank(a.mount) - procRank(b.mount))) {
        const early = isCopied(entry.mount) ? copies.get(entry.mount.destination) : slots.get(entry);
        if (entry.mount.detached) moveIn(planner, entry);
        else if (entry.options.bind || entry.mount.type === "bind") bind(planner, entry, early);
        else if (entry.mount.type === "cgroup" || entry.mount.type === "cgroup2") mountCgroup(entry.mount);
        else mountNew(planner, entry);
      }
    },
  };
}
