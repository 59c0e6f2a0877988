/** The container's view of its cgroups (runtime/cgroup/mounts.ts) as operations. */
import { O_DIRECTORY, O_PATH } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, slot } from "../../../ffi/tape.ts";
import type { CgroupMount } from "../cgroup/mounts.ts";
import { copyTree, newFileSystem, setAttributes } from "./mounts.ts";
import { attach, makeDirectories, openInRoot, type Planner } from "./paths.ts";

const FOLDER = slot(4);
const MOUNT = slot(3);
const RDONLY = 1;
const NOSUID_NODEV_NOEXEC = 0xe;

/** Appends `planned` so that the first operation that fails leaves out the rest of it. */
function appendOptional(part: Part, planned: Part): void {
  const { ops } = planned;
  for (const [index, { step, nr, args, options }] of ops.entries())
    part.op(step, nr, args, { ...options, ignore: "any", skip: ops.length - index - 1 });
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
  for (const mount of mounts) mountOne(planner, mount, locked);
}
