/** `exec`: one more process in a container that runs, or waits for its start. */
import { check, SysError } from "../../../ffi/errno.ts";
import { AT_FDCWD, Fd, O_CLOEXEC, O_DIRECTORY, O_PATH, socketPair } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Flag, Mode, Part, PlayerFd, slot, Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Process, Spec } from "../../spec/runtime.ts";
import { detectCgroups } from "../cgroup/host.ts";
import { enter, joinPart } from "../exec.ts";
import { encodeFrame, From } from "../frames.ts";
import { planProcess } from "../plan/process.ts";
import { planAffinity } from "../plan/scheduling.ts";
import { openTerminal, useTerminal } from "../plan/terminal.ts";
import { filterForOci } from "../seccomp/filter.ts";
import { failure } from "../start.ts";
import { locateContainerCgroup } from "./cgroup.ts";
import { connectConsole, MASTER_BODY } from "./console.ts";
import { LISTENER } from "./conversation.ts";
import { ownNamespaces, writePidFile } from "./create.ts";
import { explain } from "./explain.ts";
import { rdtTasks } from "./intel-rdt.ts";
import { findContainer } from "./list.ts";
import type { ContainerRecord } from "./record.ts";
import { connectAgent, DescriptorReader, notifies } from "./seccomp-agent.ts";
import { seccompFlags } from "./seccomp-flags.ts";
import { stateOf } from "./state.ts";
import { maySetGroups } from "./user.ts";

export interface ExecRequest {
  root: string;
  id: string;
  process: (spec: Spec) => Process;
  consoleSocket: string | undefined;
  console: Fd | undefined;
  pidFile: string | undefined;
  preserved: number;
  ignorePaused: boolean;
  foreground: boolean;
  /** Another cgroup of the container's, below its own. */
  cgroup: string | undefined;
}

const ROOT = slot(40);

/** Starts the process. In the foreground the result tells of the player, which ends as the process does. Throws HoyError. */
export async function execInContainer(request: ExecRequest): Promise<{ pid: number; player: { pid: number; ended: Fd } | undefined }> {
  const { record, spec, status } = findContainer(request.root, request.id);
  if (status === "stopped") throw new HoyError("cannot exec in a stopped container", { status: 409 });
  if (status === "paused" && !request.ignorePaused)
    throw new HoyError("cannot exec in a paused container (use --ignore-paused to override)", { status: 409 });
  const process = request.process(spec);
  if (detectCgroups().v2?.outside) (await import("../systemd/self.ts")).enterDelegation();
  try {
    using target = new Fd(check(sys(NR.pidfd_open, record.pid, 0), "open the container's first process"));
    return await start(request, { record, spec, process, target });
  } catch (error) {
    throw explain(error, { process });
  }
}

interface Joining {
  spec: Spec;
  process: Process;
  target: Fd;
  record: ContainerRecord;
}

async function start(request: ExecRequest, { record, spec, process, target }: Joining) {
  const place = locateContainerCgroup(record);
  const terminal = process.terminal === true;
  using receiver = terminal ? (request.console ?? connectConsole(request.consoleSocket)) : undefined;
  const tape = new Tape();
  tape.mode = Mode.exec;
  tape.flags = Flag.report | (request.foreground ? 0 : Flag.leave);
  tape.clone = tape.cloneArgs({ flags: 0, exitSignal: 17 });
  const below = (folder: string): string => (request.cgroup === undefined ? folder : `${folder}/${request.cgroup}`);
  // so that it runs on none of the caller's CPUs when it joins the cgroup, and on its own from then on
  const affinity = process.execCPUAffinity ?? spec.process?.execCPUAffinity;
  const early = new Part();
  planAffinity(tape, early, affinity?.initial);
  const joining = joinPart({
    target,
    process,
    namespaces: ownNamespaces(spec),
    joinCgroups: [
      ...place.directories.filter((folder) => folder !== place.payloadInto).map((folder) => `${below(folder)}/tasks`),
      ...rdtTasks(record.rdt),
    ],
    into: place.payloadInto === undefined ? undefined : below(place.payloadInto),
  });
  early.ops.push(...joining.ops);
  tape.lay("early", early);
  const init = new Part();
  planAffinity(tape, init, affinity?.final);
  enter(init, request);
  if (terminal) planTerminal(tape, init, process);
  planProcess(tape, init, {
    process,
    seccomp: spec.linux?.seccomp ? await filterForOci(spec.linux.seccomp) : undefined,
    maySetGroups: maySetGroups(spec),
    report: PlayerFd.owner,
    outlivesParent: true,
    preserved: request.preserved,
    seccompFlags: seccompFlags(spec),
    listener: notifies(spec.linux?.seccomp) ? encodeFrame(LISTENER) : undefined,
    personality: spec.linux?.personality,
    memoryPolicy: spec.linux?.memoryPolicy,
  });
  tape.lay("init", init);
  const [ours, theirs] = socketPair();
  const [ended, theirEnd] = socketPair();
  using conversation = ours;
  using sent = tape.send();
  const fds = { tape: sent, owner: theirs, rootfs: target, alive: theirEnd, ...(receiver ? { data: receiver } : {}) };
  using agent = connectAgent(spec.linux?.seccomp);
  const player = spawnPlayer(fds, "hoy-exec", [0, 1, 2], request.preserved);
  theirs.close();
  theirEnd.close();
  const pid = readPid(new DescriptorReader(conversation.number), tape, (listener, joined) =>
    agent?.handOver(listener, joined, stateOf(record, spec, "running")),
  );
  if (!request.foreground) waitChild(player);
  if (request.pidFile !== undefined) writePidFile(request.pidFile, pid);
  return { pid, player: request.foreground ? { pid: player, ended } : undefined };
}

/** Reads up to the end, which is that of a program that runs. The process may be faster than the player that tells its pid. */
function readPid(frames: DescriptorReader, tape: Tape, onListener: (listener: Fd | undefined, pid: number) => void): number {
  let pid: number | undefined;
  let listens = false;
  for (let frame = frames.next(); frame; frame = frames.next()) {
    if (frame.type === From.pid) pid = Number(frame.data.toString());
    else if (frame.type === LISTENER) listens = true;
    else throw failure(tape, frame);
    if (pid !== undefined && listens) {
      onListener(frames.fds.shift(), pid);
      listens = false;
    }
  }
  if (pid === undefined) throw new SysError("join the container's namespaces", 3);
  return pid;
}

function planTerminal(tape: Tape, part: Part, { consoleSize, user }: Process): void {
  part.op("open the container's root", NR.openat, [AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC], { out: ROOT });
  part.op("open the container's root", NR.dup3, [ROOT, PlayerFd.rootfs, O_CLOEXEC]);
  const planner = { tape, part, known: new Set<string>() };
  const size = consoleSize && { rows: consoleSize.height, columns: consoleSize.width };
  useTerminal(planner, openTerminal(planner, size, user.uid, { socket: PlayerFd.data, body: MASTER_BODY }));
}
