/**
 * A process that joins a running container. In the foreground without a terminal it is the caller's own child through the player;
 * with one, detached, or where the caller's streams are a terminal, it gets a monitor.
 */
import { EACCES, EPERM } from "../../ffi/errno.ts";
import { AT_FDCWD, type Fd, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDWR, O_WRONLY, socketPair } from "../../ffi/fd.ts";
import { spawnPlayer, waitChild } from "../../ffi/player.ts";
import { NR } from "../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, PlayerSlot, slot, Tape } from "../../ffi/tape.ts";
import type { Process } from "../spec/runtime.ts";
import { FrameReader } from "./frames.ts";
import { joinCgroups, joinKeyring, NULL_DEVICE, useStreams } from "./plan/init.ts";
import { execLabels, keyLabel, writeHostProc } from "./plan/labels.ts";
import type { Planner } from "./plan/paths.ts";
import { planProcess } from "./plan/process.ts";
import { openTerminal, type TerminalSize, useTerminal } from "./plan/terminal.ts";
import { failure, launchMonitor, type Monitor, type MonitorRequest } from "./start.ts";

const SIGCHLD = 17;
const PR_SET_DUMPABLE = 4;
const SCORE = slot(39);
const TARGET = slot(40);

export interface ExecRequest {
  /** The container's. */
  id: string;
  /** The container's first process (pidfd_open(2)): its number may be another's by the time that it is joined. */
  target: Fd;
  /** CLONE_NEW* of the container's own namespaces: joining the host's would be refused to an ordinary user. */
  namespaces: number;
  process: Process;
  seccomp: Uint8Array | undefined;
  maySetGroups: boolean;
  /** v1 `tasks` files, and the v2 cgroup, of the payload. */
  joinCgroups: readonly string[];
  into: string | undefined;
  /** Gives the streams to the user of a container with a user namespace of its own (plan/streams.ts). */
  giveStreams?: ((part: Part) => void) | undefined;
}

/** The container's, not the caller's; an ordinary user whose own is higher may not lower it. */
function setOomScore(part: Part, score: number | undefined): void {
  if (score === undefined) return;
  const step = `set oom_score_adj to ${score}`;
  part.op(step, NR.openat, [AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC], { out: SCORE });
  part.op(step, NR.write, [SCORE, String(score), String(score).length], { ignore: EACCES }).op("close", NR.close, [SCORE]);
}

/** Enters the cgroups and namespaces. Not dumpable until execve: the container may not look into what joins it (CVE-2016-9962). */
export function joinPart(
  request: Pick<ExecRequest, "joinCgroups" | "into" | "target" | "namespaces" | "process">,
  part = new Part(),
): Part {
  setOomScore(part, request.process.oomScoreAdj);
  part.op("not dumpable", NR.prctl, [PR_SET_DUMPABLE, 0, 0, 0, 0]);
  // before its namespace is joined, from where the place we come from is out of sight: a clone into the cgroup would be refused there
  joinCgroups(part, request.into === undefined ? request.joinCgroups : [...request.joinCgroups, `${request.into}/cgroup.procs`]);
  part.op("open /dev/null", NR.openat, [AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC], { out: NULL_DEVICE });
  // the process that is cloned in the container inherits them up to its execve
  const label = request.process.selinuxLabel;
  writeHostProc(part, [...execLabels(request.process), ...(label ? [keyLabel(label)] : [])]);
  part.op("join the container's namespaces", NR.setns, [PlayerFd.rootfs, request.namespaces]);
  return part;
}

/** After the namespaces: no file of /proc is opened any more, which could be the container's. */
export function enter(part: Part, { id }: Pick<ExecRequest, "id">): void {
  part.op("new session", NR.setsid, [], { ignore: EPERM });
  joinKeyring(part, id, undefined);
}

/**
 * Runs the process with the caller's own 0 (when `stdin`), 1 and 2 and waits for it. Returns its exit code.
 * Throws SysError when it could not be started: its step begins with "exec" for a program that is missing (ENOENT) or may not be run.
 */
export function execForeground(request: ExecRequest, stdin: boolean): number {
  const tape = new Tape();
  tape.mode = Mode.exec;
  tape.clone = tape.cloneArgs({ flags: 0, exitSignal: SIGCHLD });
  tape.lay("early", joinPart(request));
  const part = new Part();
  enter(part, request);
  planProcess(tape, part, { ...request, report: PlayerFd.owner });
  tape.lay("init", part);
  const [ours, theirs] = socketPair();
  using tapeFd = tape.send();
  const fds = { tape: tapeFd, owner: theirs, rootfs: request.target };
  const child = spawnPlayer(fds, "hoy-exec", stdin ? [0, 1, 2] : [1, 2]);
  theirs.close();
  const frame = new FrameReader(ours.number).next();
  ours.close();
  const code = waitChild(child);
  if (frame) throw failure(tape, frame);
  return code;
}

export interface MonitoredExec extends ExecRequest {
  monitor: Omit<MonitorRequest, "tty" | "stdin" | "log" | "reaper" | "engine">;
  terminal: { size: TerminalSize | undefined } | undefined;
  stdin: boolean;
}

/** Starts the process under a monitor of its own; it runs once `exec()` of the result returns. */
export function execMonitored(request: MonitoredExec): { monitor: Monitor; pid: number } {
  const monitor = launchMonitor({
    ...request.monitor,
    log: { write: false, maxSize: 0, files: 1 },
    tty: request.terminal !== undefined,
    stdin: request.stdin,
    reaper: false,
    engine: undefined,
  });
  const { tape } = monitor;
  const init = new Part();
  const planner: Planner = { tape, part: init, known: new Set() };
  const uid = request.process.user.uid;
  enter(init, request);
  if (request.terminal) {
    init.op("open the container's root", NR.openat, [AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC], { out: TARGET });
    init.op("open the container's root", NR.dup3, [TARGET, PlayerFd.rootfs, O_CLOEXEC]);
    useTerminal(planner, openTerminal(planner, request.terminal.size, uid));
  } else useStreams(planner, { stdin: request.stdin, uid });
  init.op("wait for the word", NR.read, [PlayerSlot.sync, tape.space(8), 1], { expect: 1 });
  planProcess(tape, init, { ...request, report: PlayerSlot.sync });
  const join = new Part();
  if (!request.terminal) request.giveStreams?.(join);
  const pid = monitor.play({ init, join: joinPart(request, join), namespaces: 0, into: undefined, rootfs: request.target });
  return { monitor, pid };
}
