/** The two halves of a start: the monitor is launched early, while the rest is still being planned; then it plays. */
import { EPIPE, SysError } from "../../ffi/errno.ts";
import {
  AT_FDCWD,
  type Fd,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  open,
  sendFds,
  socketPair,
} from "../../ffi/fd.ts";
import { spawnPlayer, waitChild } from "../../ffi/player.ts";
import { NR } from "../../ffi/syscalls.ts";
import { Flag, Mode, Part, PlayerFd, PlayerSlot, slot, Tape } from "../../ffi/tape.ts";
import { HoyError } from "../spec/error.ts";
import type { Namespace, NamespaceType, Spec } from "../spec/runtime.ts";
import type { MonitorPlan } from "./cgroup/plan.ts";
import { encodeFrame, type Frame, FrameReader, From, sendFrame, To } from "./frames.ts";
import type { JoinedNamespace } from "./plan/join.ts";

const SIGCHLD = 17;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const BACKLOG = 64;
const PR_SET_CHILD_SUBREAPER = 36;

/** CLONE_NEW* (namespaces(7)). */
export const NAMESPACE_FLAGS: Readonly<Record<NamespaceType, number>> = {
  time: 0x00000080,
  mount: 0x00020000,
  cgroup: 0x02000000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
};

export interface MonitorRequest {
  /** What `ps` on the host shows: hoy-monitor and the container's short id. */
  title: string;
  /** The container's folder (log.json), its run folder (pid, exit, attach.sock), and its lock that means "alive". */
  data: Fd;
  run: Fd;
  alive: Fd;
  cgroup: MonitorPlan;
  log: { write: boolean; maxSize: number; files: number };
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  /** The owner stays connected and carries the streams. */
  attached: boolean;
  /** `--init`: PID 1 reaps and forwards signals. */
  reaper: boolean;
  /** The process is another runtime's: the monitor's child makes it, and the monitor takes it over. */
  adopts?: boolean;
  /** Executed at the end when no owner does what follows. */
  engine: { path: string; argv: readonly string[]; env: readonly string[] } | undefined;
}

/** A start under way. */
export interface Monitor extends Disposable {
  readonly owner: Fd;
  readonly frames: FrameReader;
  readonly tape: Tape;
  /** Clones the process; returns its pid on the host. */
  play(birth: Birth): number;
  /** Lets a process go on that waits for the ids of its user namespace, or for hooks. */
  word(): void;
  /** Waits until all is mounted, where the process tells of it. */
  mounted(): void;
  /** Waits until the container is set up and only the word is missing. */
  ready(): void;
  /** Lets the user's program run; returns when it does. */
  exec(): void;
  /** Lets another runtime make the process; returns that runtime's exit code once it has ended. */
  create(): number;
  /** Names the process that was made, with the terminal that it has. */
  adopt(pid: number, terminal: Fd | undefined): void;
}

/** What the container's first process, or a process that joins a container, is born with. */
export interface Birth {
  /** Laid down in the tape: what the process plays. */
  init: Part;
  /** Played by an intermediate process before: enters the namespaces of a running container. */
  join?: Part;
  /** CLONE_NEW* of the namespaces that are made for it. */
  namespaces: number;
  /** v2 cgroup to be born in. */
  into: string | undefined;
  rootfs?: Fd;
}

/** struct sockaddr_un with a name relative to the working directory, so that no root is too long for it (unix(7)). */
function socketAddress(name: string): Uint8Array {
  const address = Buffer.alloc(2 + name.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(name, 2);
  return address;
}

function earlyPart(tape: Tape, request: MonitorRequest): Part {
  const part = new Part();
  part.op("leave the session", NR.setsid, [], { ignore: 1 });
  part.op("close what was inherited", NR.close_range, [PlayerFd.engine + 1, 0x7fffffff, 0]);
  part.op("umask", NR.umask, [0o022]);
  for (const file of request.cgroup.join) {
    part.op(`open ${file}`, NR.openat, [AT_FDCWD, file, O_WRONLY | O_CLOEXEC], { out: slot(0) });
    part.op(`join ${file}`, NR.write, [slot(0), "0", 1]).op("close", NR.close, [slot(0)]);
  }
  if (request.log.write)
    part.op("open log.json", NR.openat, [PlayerFd.data, "log.json", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640], {
      out: PlayerSlot.log,
    });
  if (request.adopts) part.op("take over orphans", NR.prctl, [PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0]);
  const address = socketAddress("attach.sock");
  part.op("enter the run folder", NR.fchdir, [PlayerFd.run]);
  part.op("remove an old attach.sock", NR.unlinkat, [AT_FDCWD, "attach.sock", 0], { ignore: 2 });
  part.op("socket", NR.socket, [AF_UNIX, SOCK_STREAM | O_CLOEXEC | 0o4000, 0], { out: PlayerSlot.listen });
  part.op("bind attach.sock", NR.bind, [PlayerSlot.listen, tape.bytes(address), address.length]);
  part.op("listen on attach.sock", NR.listen, [PlayerSlot.listen, BACKLOG]);
  part.op("chdir /", NR.chdir, ["/"]);
  return part;
}

function flagsOf(request: MonitorRequest): number {
  return (
    (request.tty ? Flag.tty : 0) |
    (request.stdin ? Flag.stdin : 0) |
    (request.stdinOnce ? Flag.stdinOnce : 0) |
    (request.log.write ? 0 : Flag.noLog) |
    (request.attached ? Flag.attached : 0) |
    (request.reaper ? Flag.reaper : 0) |
    (request.engine ? Flag.followUp : 0) |
    (request.adopts ? Flag.adopt : 0)
  );
}

/** CLONE_NEW* for the namespaces that a spec wants new. The cgroup namespace is unshared later, from inside the cgroup. */
export const namespaceFlags = (spec: Spec): number => sumOfFlags(spec, ({ path }) => path === undefined);

/** The same for all that are not the host's: new ones, and those of another container. */
export const allNamespaceFlags = (spec: Spec): number => sumOfFlags(spec, () => true);

function sumOfFlags(spec: Spec, counts: (namespace: Namespace) => boolean): number {
  const types = (spec.linux?.namespaces ?? []).filter((namespace) => namespace.type !== "cgroup" && counts(namespace));
  return types.reduce((sum, { type }) => sum + NAMESPACE_FLAGS[type], 0);
}

/** Namespaces by their path, of a container that runs. */
export const joinedNamespaces = (spec: Spec): JoinedNamespace[] =>
  (spec.linux?.namespaces ?? []).flatMap(({ type, path }) => (path === undefined ? [] : [{ type, path, flag: NAMESPACE_FLAGS[type] }]));

/** A step that failed in the monitor or in the container's first process. */
export function failure(tape: Tape, { data }: Frame): SysError {
  return new SysError(tape.step(data.readInt32LE(0)), data.readInt32LE(4));
}

/** First half: starts the monitor, which detaches and waits. `using` gives the start up if it was not completed. */
export function launchMonitor(request: MonitorRequest): Monitor {
  const tape = new Tape();
  tape.mode = Mode.start;
  tape.flags = flagsOf(request);
  tape.log = request.log;
  if (request.engine) tape.engine = request.engine;
  const { into } = request.cgroup;
  using intoCgroup = into === undefined ? undefined : open(into, O_RDONLY | O_DIRECTORY);
  tape.monitorClone = tape.cloneArgs({ flags: 0, exitSignal: SIGCHLD, ...(intoCgroup ? { cgroup: PlayerFd.monitorCgroup } : {}) });
  tape.lay("early", earlyPart(tape, request));
  tape.keep();
  const [owner, theirs] = socketPair();
  // by what runs, not by its name: the file may be replaced at any time
  using engine = request.engine ? open("/proc/self/exe", O_PATH) : undefined;
  const { data, run, alive } = request;
  const fds = {
    tape: tape.send(),
    owner: theirs,
    data,
    run,
    alive,
    ...(engine ? { engine } : {}),
    ...(intoCgroup ? { monitorCgroup: intoCgroup } : {}),
  };
  const child = spawnPlayer(fds, request.title);
  theirs.close();
  return new StartUnderWay(tape, owner, child);
}

class StartUnderWay implements Monitor {
  readonly frames: FrameReader;

  constructor(
    readonly tape: Tape,
    readonly owner: Fd,
    readonly child: number,
  ) {
    this.frames = new FrameReader(owner.number);
  }

  /** Second half: hands the rest of the tape over, with the root file system and the cgroup to be born in. */
  play({ init, join, namespaces, into, rootfs }: Birth): number {
    const { tape, owner } = this;
    using cgroup = into === undefined ? undefined : open(into, O_RDONLY | O_DIRECTORY);
    using nothing = rootfs ? undefined : open("/dev/null", O_RDONLY);
    tape.clone = tape.cloneArgs({ flags: namespaces, exitSignal: SIGCHLD, ...(cgroup ? { cgroup: PlayerFd.payloadCgroup } : {}) });
    if (join) tape.lay("join", join);
    tape.lay("init", init);
    tape.send();
    const first = rootfs ?? (nothing as Fd);
    sendFds(owner.number, encodeFrame(To.play), cgroup ? [first, cgroup] : [first]);
    waitChild(this.child);
    return Number(this.#expect(From.pid).toString());
  }

  word(): void {
    this.#say(To.word);
  }

  mounted(): void {
    this.#expect(From.mounted);
  }

  ready(): void {
    this.#expect(From.ready);
  }

  exec(): void {
    this.#say(To.exec);
    this.#expect(From.started);
  }

  create(): number {
    this.#say(To.exec);
    return Number(this.#expect(From.created).toString());
  }

  adopt(pid: number, terminal: Fd | undefined): void {
    const body = Buffer.alloc(8);
    body.writeBigInt64LE(BigInt(pid));
    sendFds(this.owner.number, encodeFrame(To.adopt, body), terminal ? [terminal] : []);
    this.#expect(From.started);
  }

  #say(type: number): void {
    try {
      sendFrame(this.owner.number, type);
    } catch (error) {
      // the set-up failed meanwhile and the monitor left: its last frame says why
      if (!(error instanceof SysError) || error.errno !== EPIPE) throw error;
    }
  }

  #expect(type: number): Buffer {
    for (;;) {
      const frame = this.frames.next();
      if (!frame) throw new HoyError("the container's monitor ended unexpectedly", { hint: "dmesg may tell who killed it" });
      if (frame.type === From.failed) throw failure(this.tape, frame);
      if (frame.type === type) return frame.data;
      // Ready may come before the word is given or not be waited for
      if (frame.type !== From.ready) throw new HoyError(`the container's monitor said ${frame.type} in place of ${type}`);
    }
  }

  [Symbol.dispose](): void {
    this.owner.close();
  }
}
