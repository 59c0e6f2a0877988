/**
 * Masked and read-only paths (runtime-spec, "Masked Paths" and "Readonly Paths"). Sources are the host's own /dev/null, checked to be
 * the null device when the tape is made, and an empty tmpfs; targets are opened without any link (CVE-2025-31133, CVE-2015-3630).
 */

import { EBADF, ENOENT, ENOTDIR } from "../../../ffi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_PATH } from "../../../ffi/fd.ts";
import { lstatSync, statSync } from "../../../ffi/fs.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, slot } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import { AT_RECURSIVE, newFileSystem, OPEN_TREE_CLONE, setAttributes } from "./mounts.ts";
import { openInKernel, type Planner } from "./paths.ts";

const TARGET = slot(1);
const MOUNT = slot(3);
const CLOEXEC = 0o2000000;
const MOVE_BY_DESCRIPTOR = 0x44;
const RDONLY_NOSUID_NODEV_NOEXEC = 0xf;
const ABSENT = [ENOENT, ENOTDIR] as const;
const NULL_DEVICE = (1 << 8) | 3;

function checkNullDevice(): void {
  const { rdev, mode } = statSync("/dev/null");
  if ((mode & 0o170000) !== 0o020000 || rdev !== NULL_DEVICE)
    throw new HoyError("/dev/null of this host is not the null device", { hint: "mknod -m 666 /dev/null c 1 3" });
}

/** /proc and /sys are the kernel's: what a path is there can be seen on the host's. Elsewhere only the container knows. */
function kind(path: string): "file" | "directory" | "absent" | "unknown" {
  if (!path.startsWith("/proc/") && !path.startsWith("/sys/")) return "unknown";
  try {
    return lstatSync(path).isDirectory() ? "directory" : "file";
  } catch {
    return "absent";
  }
}

/** Opens the path into TARGET and plays `cover` there, where it exists (and is of the kind that `flags` ask for). */
function whereItIs(planner: Planner, path: string, step: string, cover: Part, flags = O_PATH): void {
  openInKernel(planner, step, path, { out: TARGET, ignore: ABSENT, skip: cover.ops.length, flags });
  planner.part.ops.push(...cover.ops);
}

function folderCover(planner: Planner, step: string): Part {
  const part = new Part();
  newFileSystem({ ...planner, part }, step, "tmpfs", { data: ["size=0k"], attributes: RDONLY_NOSUID_NODEV_NOEXEC });
  return part.op(step, NR.move_mount, [MOUNT, "", TARGET, "", MOVE_BY_DESCRIPTOR]);
}

const fileCover = (step: string): Part =>
  new Part()
    .op(step, NR.open_tree, [AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | CLOEXEC], { out: MOUNT })
    .op(step, NR.move_mount, [MOUNT, "", TARGET, "", MOVE_BY_DESCRIPTOR]);

/** Covers what only the container knows the kind of: a folder if it can be opened as one, else a file. */
function maskUnknown(planner: Planner, path: string, step: string): void {
  const file = new Part();
  whereItIs({ ...planner, part: file }, path, step, fileCover(step));
  const folder = folderCover(planner, step);
  // covered: an operation that fails on purpose leaves out the rest
  folder.op("covered", NR.close, [-1], { ignore: EBADF, skip: file.ops.length });
  whereItIs(planner, path, step, folder, O_PATH | O_DIRECTORY);
  planner.part.ops.push(...file.ops);
}

/** Hides each path: a file behind the null device, a folder behind an empty read-only tmpfs. Absent ones are left out. */
export function planMasked(planner: Planner, paths: readonly string[]): void {
  const present = paths.map((path) => ({ path, kind: kind(path) })).filter((entry) => entry.kind !== "absent");
  if (present.length === 0) return;
  checkNullDevice();
  for (const { path, kind } of present) {
    const step = `mask ${path}`;
    if (kind === "unknown") maskUnknown(planner, path, step);
    else whereItIs(planner, path, step, kind === "directory" ? folderCover(planner, step) : fileCover(step));
  }
}

/** Binds each path on itself read-only. Absent ones are left out. */
export function planReadonly(planner: Planner, paths: readonly string[]): void {
  for (const path of paths) {
    const step = `make ${path} read-only`;
    const cover = new Part();
    cover.op(step, NR.open_tree, [TARGET, "", OPEN_TREE_CLONE | CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE], { out: MOUNT });
    setAttributes({ ...planner, part: cover }, step, MOUNT, { set: 1, recursive: true });
    cover.op(step, NR.move_mount, [MOUNT, "", TARGET, "", MOVE_BY_DESCRIPTOR]);
    whereItIs(planner, path, step, cover);
  }
}
