/**
 * Entering namespaces of another container before the first process is cloned: played by the intermediate process of a joined clone
 * (clone_joined in ffi/player.c), which shares nothing else with the monitor.
 */
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, type Slot, slot } from "../../../ffi/tape.ts";
import { OPEN_TREE_CLONE } from "./mounts.ts";

export interface JoinedNamespace {
  type: string;
  path: string;
  /** CLONE_NEW* */
  flag: number;
}

/** A copy of a mount of another container: only from inside its mount namespace can one be made (open_tree(2)). */
export interface JoinedMount {
  /** Path of that mount namespace. */
  namespace: string;
  /** In that container, and in this one. */
  path: string;
}

const NAMESPACE = slot(42);
const OWN = slot(43);
const COPY = slot(44);
const CLONE_NEWNS = 0x00020000;
const AT_SYMLINK_NOFOLLOW = 0x100;

export interface Joined {
  part: Part;
  /** Copies of mounts by their place in the container; the slot is the first process's too. */
  mounts: ReadonlyMap<string, Slot>;
}

/** Undefined when there is nothing to join. */
export function planJoin(namespaces: readonly JoinedNamespace[], mount: JoinedMount | undefined): Joined | undefined {
  if (namespaces.length === 0 && !mount) return undefined;
  const part = new Part();
  const openNamespace = (path: string, out: Slot) => part.op(`open ${path}`, NR.openat, [AT_FDCWD, path, O_RDONLY | O_CLOEXEC], { out });
  for (const { type, path, flag } of namespaces) {
    openNamespace(path, NAMESPACE);
    part.op(`join the ${type} namespace ${path}`, NR.setns, [NAMESPACE, flag]).op("close", NR.close, [NAMESPACE]);
  }
  if (mount) {
    openNamespace("/proc/self/ns/mnt", OWN);
    openNamespace(mount.namespace, NAMESPACE);
    part.op(`join the mount namespace ${mount.namespace}`, NR.setns, [NAMESPACE, CLONE_NEWNS]).op("close", NR.close, [NAMESPACE]);
    part.op(
      `copy ${mount.path} of the other container`,
      NR.open_tree,
      [AT_FDCWD, mount.path, OPEN_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW],
      { out: COPY },
    );
    part.op("return to the own mount namespace", NR.setns, [OWN, CLONE_NEWNS]).op("close", NR.close, [OWN]);
  }
  return { part, mounts: new Map(mount ? [[mount.path, COPY]] : []) };
}
