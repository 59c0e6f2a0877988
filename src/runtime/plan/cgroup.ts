/** The container's view of its cgroups (runtime/cgroup/mounts.ts) as operations. */
import { O_DIRECTORY, O_PATH } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, slot } from "../../../ffi/tape.ts";
import type { CgroupMount } from "../cgroup/mounts.ts";
import { copyTree, newFileSystem, setAttributes } from "./mounts.ts";
import { attach, makeDirectories, openInRoot, type Planner } from "./paths.ts";

const FOLDER = slot(4);
const MOUNT = slot(3);
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const RDONLY = 1;
const NOSUID_NODEV_NOEXEC = 0xe;

/** Appends `planned` so that the first operation that fails leaves out the rest of it. */
function appendOptional(part: Part, planned: Part): void {
  const { ops } = planned;
  for (const [index, { step, nr, args, options }] of ops.entries())
    part.op(step, nr, args, { ...options, ignore: "any", skip: ops.length - index - 1 });
}

/** In the tmpfs that holds all hierarchies, which FOLDER is: nobody else has been in it yet, so that names are enough. */
function placeInFolder(planner: Planner, mount: Extract<CgroupMount, { kind: "symlink" | "bind" }>, locked: boolean): void {
  const { part } = planner;
  const { target } = mount;
  const name = target.slice(target.lastIndexOf("/") + 1);
  if (mount.kind === "symlink") {
    part.op(`symlink ${target}`, NR.symlinkat, [mount.to, FOLDER, name]);
    return;
  }
  part.op(`mkdir ${target} in the container`, NR.mkdirat, [FOLDER, name, 0o755]);
  copyTree(planner, mount.source, mount.recursive);
  setAttributes(planner, `bind ${target}`, MOUNT, { set: NOSUID_NODEV_NOEXEC | (locked ? RDONLY : 0), recursive: mount.recursive });
  part.op(`bind ${target}`, NR.move_mount, [MOUNT, "", FOLDER, name, MOVE_MOUNT_F_EMPTY_PATH]);
}

function mountOne(planner: Planner, mount: CgroupMount, locked: ReadonlySet<string>): void {
  const { target } = mount;
  if (mount.kind === "symlink") {
    const at = target.lastIndexOf("/");
    openInRoot(planner, `symlink ${target}`, target.slice(0, at), { flags: O_PATH | O_DIRECTORY, noLinks: true, out: FOLDER });
    planner.part.op(`symlink ${target}`, NR.symlinkat, [mount.to, FOLDER, target.slice(at + 1)]);
    return;
  }
  if (mount.kind === "readonly") {
    if (locked.has(target)) return;
    openInRoot(planner, `make ${target} read-only`, target, { noLinks: true, out: FOLDER });
    setAttributes(planner, `make ${target} read-only`, FOLDER, { set: RDONLY });
    return;
  }
  makeDirectories(planner, target);
  const attributes = NOSUID_NODEV_NOEXEC | (locked.has(target) ? RDONLY : 0);
  if (mount.kind === "bind") {
    copyTree(planner, mount.source, mount.recursive);
    setAttributes(planner, `bind ${target}`, MOUNT, { set: attributes, recursive: mount.recursive });
    attach(planner, `bind ${target}`, MOUNT, target, true);
    return;
  }
  const into = mount.optional ? { ...planner, part: new Part() } : planner;
  const data = mount.data === "" ? [] : mount.data.split(",");
  const made = newFileSystem(into, `mount ${target}`, mount.type, { source: mount.source, data, attributes });
  attach(into, `mount ${target}`, made, target, true);
  if (mount.optional) appendOptional(planner.part, into.part);
}

export function planCgroupView(planner: Planner, mounts: readonly CgroupMount[]): void {
  // a hierarchy is read-only from the first; the tmpfs that holds them only when all are in place
  const locked = new Set<string>();
  for (const { kind, target } of mounts) if (kind === "readonly") locked.add(target);
  for (const { target } of mounts)
    for (let at = target.lastIndexOf("/"); at > 0; at = target.lastIndexOf("/", at - 1)) locked.delete(target.slice(0, at));
  let folder: string | undefined;
  for (const mount of mounts) {
    const inFolder = folder !== undefined && mount.target.lastIndexOf("/") === folder.length && mount.target.startsWith(folder);
    if (inFolder && (mount.kind === "symlink" || mount.kind === "bind")) {
      placeInFolder(planner, mount, locked.has(mount.target));
      continue;
    }
    mountOne(planner, mount, locked);
    if (mount.kind !== "mount" || mount.type !== "tmpfs") continue;
    folder = mount.target;
    openInRoot(planner, `open ${folder} in the container`, folder, { flags: O_PATH | O_DIRECTORY, noLinks: true, out: FOLDER });
  }
}
