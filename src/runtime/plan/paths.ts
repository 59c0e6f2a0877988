/**
 * Operations on paths below the container's root, whose descriptor the player holds: every walk is openat2(2) with
 * RESOLVE_IN_ROOT and without magic links, so that no link of an image leads out of it (CVE-2019-16884, CVE-2021-30465, CVE-2024-45310).
 */

import {
  F_DUPFD_CLOEXEC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { type OpOptions, type Part, PlayerFd, type Slot, slot, type Tape } from "../../../ffi/tape.ts";
import { withoutLeadingSlashes, withoutTrailingSlashes } from "../../spec/path.ts";

/**
 * Where a path's operation works: the tape for structures, the part for operations. Descriptors are left open in between: all are
 * closed at once before the user's program runs (process.ts).
 */
export interface Planner {
  tape: Tape;
  part: Part;
  /** Folders of the container that were made or found before on this tape. */
  known: Set<string>;
  /** Where the file systems mounted on /proc and /sys are held, once they are. */
  kernel?: Map<string, Slot>;
}

const PARENT = slot(0);
const FIRST_FD = 3;
const MOVE_BY_DESCRIPTOR = 0x44; // MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH

const howCache = new WeakMap<Tape, Map<string, number>>();

/** struct open_how in the tape. */
function how(tape: Tape, flags: number, mode: number, resolve: number): number {
  let known = howCache.get(tape);
  if (!known) howCache.set(tape, (known = new Map()));
  const key = `${flags}:${mode}:${resolve}`;
  let at = known.get(key);
  if (at === undefined) {
    at = tape.space(24);
    tape.poke(at, flags | O_CLOEXEC);
    tape.poke(at + 8, mode);
    tape.poke(at + 16, resolve);
    known.set(key, at);
  }
  return at;
}

const KERNEL_SLOTS: Readonly<Record<string, Slot>> = { "/proc": slot(45), "/sys": slot(46) };

/** Holds what was mounted on /proc or /sys, so that `openInKernel` finds it whatever the name has become. */
export function keepKernel({ part, kernel }: Planner, path: string, mount: Slot | number): void {
  const out = KERNEL_SLOTS[path];
  if (!out || !kernel) return;
  part.op(`hold ${path}`, NR.fcntl, [mount, F_DUPFD_CLOEXEC, FIRST_FD], { out });
  kernel.set(path, out);
}

/**
 * Opens a path without any link, below /proc or /sys in the file system that was mounted there: somebody with the image's folder at
 * hand could put another in its place, where a mask would find nothing to cover (CVE-2025-31133).
 */
export function openInKernel(planner: Planner, step: string, path: string, options: Omit<OpenInRoot, "noLinks"> & { out: Slot }): void {
  const [, top = "", rest = "."] = /^(\/[^/]+)(?:\/+(.*))?$/.exec(path) ?? [];
  const base = path.split("/").includes("..") ? undefined : planner.kernel?.get(top);
  openInRoot(planner, step, base ? rest : path, { ...options, noLinks: true, ...(base ? { base } : {}) });
}

export interface OpenInRoot extends OpOptions {
  /** What the path is below of; the container's root unless given. */
  base?: Slot;
  flags?: number;
  mode?: number;
  /** Refuses links altogether: for /proc, /sys and what a runtime trusts to be itself. */
  noLinks?: boolean;
  /** Fails with EXDEV where the path lies on another mount than the root: what is there may be the host's. */
  noMounts?: boolean;
}

/** Opens `path` of the container into a slot (O_PATH unless `flags` says otherwise). */
export function openInRoot({ tape, part }: Planner, step: string, path: string, options: OpenInRoot & { out: Slot }): void {
  const { base = PlayerFd.rootfs, flags = O_PATH, mode = 0, noLinks = false, noMounts = false, ...rest } = options;
  const links = noLinks ? RESOLVE_NO_SYMLINKS : RESOLVE_NO_MAGICLINKS;
  const resolve = RESOLVE_IN_ROOT | links | (noMounts ? RESOLVE_NO_XDEV : 0);
  part.op(step, NR.openat2, [base, withoutLeadingSlashes(path) || ".", how(tape, flags, mode, resolve), 24], rest);
}

/** Makes the folder and its parents where they are missing. */
export function makeDirectories(planner: Planner, path: string, mode = 0o755): void {
  let parent = "";
  for (const name of path.split("/")) {
    if (name === "") continue;
    const made = `${parent}/${name}`;
    if (!planner.known.has(made)) {
      planner.known.add(made);
      openInRoot(planner, `open ${parent || "/"} in the container`, parent, { flags: O_PATH | O_DIRECTORY, out: PARENT });
      // a read-only or foreign file system may hold what is there already: only the open that follows decides
      planner.part.op(`mkdir ${path} in the container`, NR.mkdirat, [PARENT, name, mode], { ignore: "any" });
    }
    parent = made;
  }
}

/** Makes an empty file and its parent folders where they are missing. */
export function makeFile(planner: Planner, path: string): void {
  const at = path.lastIndexOf("/");
  makeDirectories(planner, path.slice(0, at));
  openInRoot(planner, `open ${path.slice(0, at) || "/"} in the container`, path.slice(0, at), { flags: O_PATH | O_DIRECTORY, out: PARENT });
  planner.part.op(`create ${path} in the container`, NR.mknodat, [PARENT, path.slice(at + 1), 0o100644, 0], { ignore: "any" });
}

/** Attaches the detached mount in `source` (a slot, or a descriptor of the player's) on `path`, opened without following a last link when `noLinks`. */
export function attach(planner: Planner, step: string, source: Slot | number, path: string, noLinks = false): void {
  const target = slot(1);
  openInRoot(planner, step, path, { noLinks, out: target });
  planner.part.op(step, NR.move_mount, [source, "", target, "", MOVE_BY_DESCRIPTOR]);
  // what lay below is out of sight now
  const below = `/${withoutTrailingSlashes(withoutLeadingSlashes(path))}/`;
  for (const folder of planner.known) if (folder.startsWith(below)) planner.known.delete(folder);
}
