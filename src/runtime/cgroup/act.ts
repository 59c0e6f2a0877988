/** Carries out cgroup plans with a few plain system calls each: the start of a container waits for it. */

import {
  check,
  EACCES,
  EBUSY,
  EEXIST,
  EINTR,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOTEMPTY,
  EPERM,
  EROFS,
  errnoWords,
  SysError,
} from "../../../ffi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_WRONLY, open } from "../../../ffi/fd.ts";
import { foldersIn, readFileSync } from "../../../ffi/fs.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { attachDevices } from "./device-program.ts";
import { cannotLimit } from "./limits.ts";
import type { CgroupPlan, CgroupWrite, MonitorPlan, PrepareStep } from "./plan.ts";

const mkdir = (path: string): number => sys(NR.mkdirat, AT_FDCWD, cstr(path), 0o755);
const exists = (path: string): boolean => sys(NR.faccessat, AT_FDCWD, cstr(path), 0) === 0;

/** Opens, writes once, closes; returns the result of what failed first, negated errno, or 0. */
export function put(path: string, value: string): number {
  const fd = sys(NR.openat, AT_FDCWD, cstr(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd;
  let result: number;
  do result = sys(NR.write, fd, cstr(value), Buffer.byteLength(value));
  while (result === -EINTR);
  sys(NR.close, fd);
  return Math.min(result, 0);
}

function cannotMake(path: string, errno: number): Error {
  if (errno === EACCES || errno === EPERM || errno === EROFS) {
    return new HoyError(`cannot make cgroup ${path}: ${errnoWords(errno)}`, { hint: "the cgroup file system must be writable for hoy" });
  }
  return new SysError(`make cgroup ${path}`, errno);
}

/** What all containers of a store share; quick when it exists. Needed before the first monitor joins. Any number may do it at once. */
export function createMonitors(plan: MonitorPlan): void {
  for (const { parents, prepare, monitors } of plan.shared) {
    if (monitors !== undefined && exists(monitors)) continue;
    makeAll(parents);
    for (const step of prepare) run(step);
    if (monitors !== undefined) makeAll([monitors]);
  }
}

function makeAll(paths: readonly string[]): void {
  for (const path of paths) {
    const made = mkdir(path);
    if (made < 0 && made !== -EEXIST) throw cannotMake(path, -made);
  }
}

/**
 * Makes the container's cgroups and writes its limits, devices included. Throws HoyError for a limit that the kernel refuses;
 * nothing of this container is left then.
 */
export function createCgroup(plan: CgroupPlan): void {
  createMonitors(plan.monitor);
  for (const { parents, prepare } of plan.above ?? []) {
    makeAll(parents);
    for (const step of prepare) run(step);
  }
  try {
    makeAll(plan.directories);
    for (const step of plan.prepare) run(step);
    writeLimits(plan.limits);
    if (plan.devices) attach(plan.devices);
  } catch (error) {
    for (const path of plan.remove) sys(NR.unlinkat, AT_FDCWD, cstr(path), AT_REMOVEDIR);
    throw error;
  }
}

export function run(step: PrepareStep): void {
  switch (step.kind) {
    case "copy":
      // A kernfs file is never longer than a page, and empty is a bare newline.
      if (readFileSync(step.path, "latin1").trim() !== "") return;
      check(put(step.path, readFileSync(step.from, "latin1").trim()), `write ${step.path}`);
      return;
    case "write":
      check(put(step.path, step.value), `write ${step.path}`);
      return;
    case "enable":
      enable(step);
  }
}

function enable({ path, controllers, needed }: Extract<PrepareStep, { kind: "enable" }>): void {
  let result = put(path, controllers.map((controller) => `+${controller}`).join(" "));
  if (result === 0) return;
  if (needed === null) {
    // Together one bad controller spoils all (cpu is refused while realtime processes run); alone each does what it can.
    if (controllers.length > 1) for (const controller of controllers) put(path, `+${controller}`);
    return;
  }
  // A sibling that is just being made or removed keeps the tree busy for a moment.
  for (let left = 5; result === -EBUSY && left > 0; left--) {
    Bun.sleepSync(1);
    result = put(path, `+${controllers.join(" +")}`);
  }
  if (result === 0) return;
  const folder = path.slice(0, path.lastIndexOf("/"));
  const why = `${controllers.join(", ")} cannot be handed down by cgroup ${folder}: ${errnoWords(-result)}`;
  throw cannotLimit(
    needed,
    why,
    result === -EBUSY ? "cgroup v2 allows it only where no process is in that cgroup itself: move them into a child" : undefined,
  );
}

/** Writes one limit with `write`, which returns 0 or a negated errno, as this does. */
export function writeLimit({ path, value, instead, missingOk }: CgroupWrite, write: (path: string, value: string) => number): number {
  let result = write(path, value);
  if (result === -ENOENT && instead) result = write(instead.path, instead.value);
  return result === -ENOENT && missingOk ? 0 : result;
}

export function refused({ path, value, subject }: CgroupWrite, result: number): HoyError {
  // kernfs answers the creation of a file that it does not have with "permission denied" in words that mislead.
  const why = result === -ENOENT ? `the kernel has no ${path}` : `${value} to ${path}: ${errnoWords(-result)}`;
  return cannotLimit(subject, why, result === -EINVAL ? "the value is outside of what the kernel or the cgroup above allows" : undefined);
}

function writeLimits(limits: readonly CgroupWrite[]): void {
  let fd = -1;
  let opened = "";
  // Device rules are many writes to one file: it stays open between them.
  const into = (path: string): number => {
    if (path === opened) return fd;
    if (fd >= 0) sys(NR.close, fd);
    opened = path;
    fd = sys(NR.openat, AT_FDCWD, cstr(path), O_WRONLY | O_CLOEXEC);
    return fd;
  };
  const write = (path: string, value: string): number => {
    const target = into(path);
    return target < 0 ? target : Math.min(sys(NR.write, target, cstr(value), Buffer.byteLength(value)), 0);
  };
  try {
    for (const limit of limits) {
      const result = writeLimit(limit, write);
      if (result !== 0) throw refused(limit, result);
    }
  } finally {
    if (fd >= 0) sys(NR.close, fd);
  }
}

function attach({ directory, program }: NonNullable<CgroupPlan["devices"]>): void {
  using cgroup = open(directory, O_RDONLY | O_DIRECTORY);
  try {
    attachDevices(cgroup.number, program);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw cannotLimit("devices", error.message, "cgroup v2 needs a kernel with CONFIG_CGROUP_BPF and hoy the capability BPF or SYS_ADMIN");
  }
}

/** How long leftovers get to die, and the kernel to let go of them. */
const PATIENCE_MS = 5000;

/**
 * Kills what is left in the container's cgroups and removes them. Returns false when something does not go in 5 s
 * (a process in uninterruptible sleep): the next sweep tries again. Cgroups that are not there are no error.
 */
export function removeCgroup(plan: Pick<CgroupPlan, "remove" | "scope" | "kill" | "procs" | "freeze">): boolean {
  const { scope } = plan;
  const all = scope === undefined ? plan : { kill: `${scope}/cgroup.kill`, procs: `${scope}/cgroup.procs` };
  return removeAll(plan.remove, () => killCgroup(all));
}

function removeAll(directories: readonly string[], kill: () => void): boolean {
  let left = directories.filter((path) => !gone(path));
  if (left.length === 0) return true;
  const end = performance.now() + PATIENCE_MS;
  for (let pause = 0.2; ; pause = Math.min(pause * 2, 50)) {
    kill();
    left = left.filter((path) => !removeTree(path));
    if (left.length === 0) return true;
    if (performance.now() > end) return false;
    Bun.sleepSync(pause);
  }
}

/** rmdir; true when it is not there any more. */
function gone(path: string): boolean {
  const result = sys(NR.unlinkat, AT_FDCWD, cstr(path), AT_REMOVEDIR);
  if (result === 0 || result === -ENOENT || result === -ENODEV) return true;
  if (result === -EBUSY || result === -ENOTEMPTY) return false;
  throw new SysError(`remove cgroup ${path}`, -result);
}

/** Also the cgroups that the container made below its own, deepest first. */
function removeTree(path: string): boolean {
  if (gone(path)) return true;
  for (const child of children(path)) removeTree(child);
  return gone(path);
}

function children(path: string): string[] {
  try {
    return foldersIn(path).map((name) => `${path}/${name}`);
  } catch (error) {
    // Another process removes the same cgroup.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

const SIGKILL = 9;

/** Sends SIGKILL to every process of the payload, frozen ones included; returns before they are gone. */
export function killCgroup({ kill, procs, freeze }: Pick<CgroupPlan, "kill" | "procs" | "freeze">): void {
  // Since 5.14 the kernel does it in one go; without, a pass that may miss newborns: the caller comes back until all are gone.
  if ((kill === undefined || put(kill, "1") < 0) && procs !== undefined) killTree(procs.slice(0, procs.lastIndexOf("/")));
  // A process that v1's freezer holds dies only when it is let go. No such cgroup any more: nothing to let go.
  if (freeze?.off === "THAWED") put(freeze.path, freeze.off);
}

function killTree(directory: string): void {
  for (const pid of pidsIn(`${directory}/cgroup.procs`)) sys(NR.kill, pid, SIGKILL);
  for (const child of children(directory)) killTree(child);
}

function pidsIn(path: string): number[] {
  try {
    // A 0 is a process of a pid namespace that we cannot see.
    return readFileSync(path, "latin1")
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 1);
  } catch {
    // Gone meanwhile, or a threaded cgroup, whose processes are listed above it.
    return [];
  }
}

/** Whether the kernel killed a process of the payload because its memory limit was reached. False once the cgroup is gone. */
export function oomKilled({ oom }: Pick<CgroupPlan, "oom">): boolean {
  if (oom === undefined) return false;
  try {
    return /^oom_kill [1-9]/m.test(readFileSync(oom, "latin1"));
  } catch {
    // Without the file nobody counted.
    return false;
  }
}
