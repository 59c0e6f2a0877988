/** `events`: what a container uses, and when the kernel kills for want of memory. */

import { check, ESRCH } from "../../../ffi/errno.ts";
import { Fd, O_CLOEXEC, O_RDONLY, open } from "../../../ffi/fd.ts";
import { existsSync, readFileSync } from "../../../ffi/fs.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { put } from "../cgroup/act.ts";
import type { Stats } from "../cgroup/counters.ts";
import { containerStats } from "../cgroup/stats.ts";
import { locateContainerCgroup } from "./cgroup.ts";
import { findContainer } from "./list.ts";
import type { ContainerRecord } from "./record.ts";

/** runc's document, one a line. */
export interface ContainerEvent {
  type: "stats" | "oom";
  id: string;
  data?: Stats;
}

function findRunning(root: string, id: string): ContainerRecord {
  const { record, status } = findContainer(root, id);
  if (status === "stopped") throw new HoyError(`container with id ${id} is not running`, { status: 409 });
  return record;
}

function statsOf({ id, cgroup }: ContainerRecord): ContainerEvent {
  if (!cgroup) throw new HoyError(`container ${id} has no cgroup that counts`, { status: 400 });
  return { type: "stats", id, data: containerStats(cgroup) };
}

/** Throws HoyError when the container does not run. */
export const readStats = (root: string, id: string): ContainerEvent => statsOf(findRunning(root, id));

/** Tells when memory ran out. */
interface OomWatch extends Disposable {
  /** Can be read when there is something new. */
  readonly fd: number;
  /** Takes what has come; true when memory ran out. */
  take(): boolean;
}

/** v1 counts its notifications in an eventfd (cgroup-v1/memory.rst, "OOM Control"). The cgroup's end is one too. */
function watchV1(control: string): OomWatch {
  const counter = new Fd(check(sys(NR.eventfd2, 0, O_CLOEXEC), "eventfd"));
  const file = open(control, O_RDONLY);
  const folder = control.slice(0, control.lastIndexOf("/"));
  check(put(`${folder}/cgroup.event_control`, `${counter.number} ${file.number}`), `watch ${control}`);
  return {
    fd: counter.number,
    take() {
      sys(NR.read, counter.number, new BigUint64Array(1), 8);
      return existsSync(control);
    },
    [Symbol.dispose]() {
      counter.close();
      file.close();
    },
  };
}

const IN_MODIFY = 2;

/** v2 changes memory.events for other reasons too: the count of kills tells. */
function watchV2(events: string): OomWatch {
  const watch = new Fd(check(sys(NR.inotify_init1, O_CLOEXEC), "inotify_init1"));
  check(sys(NR.inotify_add_watch, watch.number, cstr(events), IN_MODIFY), `watch ${events}`);
  const kills = (): number => Number(/^oom_kill (\d+)/m.exec(readFileSync(events, "latin1"))?.[1] ?? 0);
  let known = kills();
  return {
    fd: watch.number,
    take() {
      sys(NR.read, watch.number, new Uint8Array(4096), 4096);
      if (!existsSync(events)) return false;
      const before = known;
      known = kills();
      return known > before;
    },
    [Symbol.dispose]: () => watch.close(),
  };
}

const POLLIN = 1;
const EINTR = -4;

/** Waits for one of the descriptors; returns which can be read, none after so many milliseconds. */
function waitForAny(fds: readonly number[], ms: number): boolean[] {
  const set = new Int32Array(fds.flatMap((fd) => [fd, POLLIN]));
  const time = new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt(Math.floor((ms % 1000) * 1_000_000))]);
  const result = sys(NR.ppoll, set, fds.length, time, 0, 8);
  if (result !== EINTR) check(result, "wait for events");
  return fds.map((_, index) => (set[2 * index + 1] as number) >> 16 !== 0);
}

/** Tells of the container every so many milliseconds, and when it runs out of memory, until it ends. Throws HoyError. */
export function watchContainer(root: string, id: string, intervalMs: number, tell: (event: ContainerEvent) => void): void {
  const record = findRunning(root, id);
  const found = sys(NR.pidfd_open, record.pid, 0);
  if (found === -ESRCH) return;
  using ended = new Fd(check(found, "open the container's first process"));
  const { oom } = locateContainerCgroup(record);
  using watch = oom === undefined ? undefined : oom.endsWith("oom_control") ? watchV1(oom) : watchV2(oom);
  for (let next = performance.now() + intervalMs; ; ) {
    const [over, starved] = waitForAny([ended.number, ...(watch ? [watch.fd] : [])], Math.max(0, next - performance.now()));
    if (starved && watch?.take()) tell({ type: "oom", id });
    if (over) return;
    if (performance.now() < next) continue;
    tell(statsOf(record));
    next += intervalMs;
  }
}
