/**
 * The user's namespace: an ordinary user's engine runs inside it, as its root. A process of the player, "pause", holds it: the user
 * and the mount namespace in which every container of the user lives, until the user's last process ends or it is killed.
 * hoy becomes the player, which joins both, and executes hoy again.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SysError } from "../../ffi/errno.ts";
import { AT_FDCWD, Fd, O_CREAT, O_RDWR, open, socketPair, tryLock, writeAll } from "../../ffi/fd.ts";
import { sys } from "../../ffi/libc.ts";
import { becomePlayer, spawnPlayer } from "../../ffi/player.ts";
import { NR } from "../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, slot, Tape } from "../../ffi/tape.ts";
import { FrameReader, From } from "../runtime/frames.ts";
import { identityMaps, ownIdentity, writeMaps } from "../runtime/idmap.ts";
import { carriedVariables } from "../spec/caller.ts";
import { HoyError } from "../spec/error.ts";
import { lock } from "../state/lock.ts";
import { hostUid, ROOTLESS_VARIABLE, userRunFolder } from "../state/store.ts";
import { isAlive, readExit } from "./containers/alive.ts";
import { engineProgram } from "./containers/program.ts";
import { runFolder } from "./containers/row.ts";
import { explainNamespaces } from "./namespace-explain.ts";

const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWNS = 0x00020000;
const CLOEXEC_ALL = 4;
/** Set for the hoy that is executed when joining failed: how often it did. */
const FAILED_VARIABLE = "HOY_NAMESPACE_FAILED";
/** A pause that was just killed may still be there when it is found, but not when it is joined. */
const MAX_FAILURES = 3;
/** How long a pause whose start was cut off may take to leave, or to say who it is. */
const SETTLING_MS = 5000;

const pidFile = (folder: string): string => join(folder, "pause.pid");
const newPidFile = (folder: string): string => `${pidFile(folder)}.new`;

/** True while pause holds its lock. */
function pauseLock(folder: string): Fd | undefined {
  const fd = open(join(folder, "pause.lock"), O_RDWR | O_CREAT, 0o600);
  if (tryLock(fd.number)) return fd;
  fd.close();
  return undefined;
}

/** The process id of pause, started if there is none. */
function ensurePause(): number {
  const folder = userRunFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  using _making = lock(join(folder, "pause.make"));
  for (const deadline = Date.now() + SETTLING_MS; ; Bun.sleepSync(2)) {
    using mine = pauseLock(folder);
    if (mine) return startPause(folder, mine);
    if (existsSync(pidFile(folder))) return Number(readFileSync(pidFile(folder), "utf8"));
    if (Date.now() > deadline)
      throw new HoyError(`${folder}/pause.lock is held, but nobody says by whom`, {
        hint: `end the process that holds it: fuser -k ${folder}/pause.lock`,
      });
  }
}

/**
 * Unshares (or joins, as an heir), waits for its ids, and then only waits. It puts its own record in place, which hoy wrote: should hoy be killed before the
 * word, pause ends and leaves none; after it, there is one.
 */
function pauseTape(folder: string, heir: boolean): Tape {
  const tape = new Tape();
  tape.mode = Mode.play;
  const part = new Part();
  part.op("new session", NR.setsid, [], { ignore: "any" });
  if (heir) part.op("join the namespaces of a running container's monitor", NR.setns, [PlayerFd.data, CLONE_NEWUSER | CLONE_NEWNS]);
  else part.op("unshare the user namespace", NR.unshare, [CLONE_NEWUSER | CLONE_NEWNS]);
  part.op("tell that it is unshared", NR.write, [PlayerFd.owner, tape.bytes(new Uint8Array(8)), 8]);
  part.op("wait for the ids", NR.read, [PlayerFd.owner, tape.space(8), 1], { expect: 1 });
  part.op("become root of the namespace", NR.setresgid, [0, 0, 0]).op("become root of the namespace", NR.setresuid, [0, 0, 0]);
  part.op("chdir /", NR.chdir, ["/"]);
  part.op(`rename ${newPidFile(folder)}`, NR.renameat, [AT_FDCWD, newPidFile(folder), AT_FDCWD, pidFile(folder)]);
  part.op("tell that all is ready", NR.write, [PlayerFd.owner, tape.bytes(new Uint8Array(8)), 8]);
  part.op("close", NR.close, [PlayerFd.owner]);
  part.op("wait for ever", NR.ppoll, [0, 0, 0, 0]);
  tape.lay("early", part);
  return tape;
}

/** A pause that was killed left its namespaces to the monitors of the containers that run: the next one takes them over. */
function startPause(folder: string, alive: Fd): number {
  for (const monitor of livingMonitors(folder)) {
    using held = monitor;
    try {
      return launchPause(folder, alive, held);
    } catch (error) {
      if (!(error instanceof HoyError)) throw error; // it has just ended, or is in namespaces that we may not join
    }
  }
  return launchPause(folder, alive);
}

/** With `monitor` in its namespaces, else in new ones. */
function launchPause(folder: string, alive: Fd, monitor?: Fd): number {
  // of an earlier one
  rmSync(pidFile(folder), { force: true });
  const tape = pauseTape(folder, monitor !== undefined);
  const [ours, theirs] = socketPair();
  using tapeFd = tape.send();
  const pid = spawnPlayer({ tape: tapeFd, owner: theirs, alive, ...(monitor && { data: monitor }) }, "hoy-pause");
  theirs.close();
  const frames = new FrameReader(ours.number);
  const expectWord = (): void => {
    const frame = frames.next();
    if (frame?.type === From.failed) throw explainNamespaces(new SysError(tape.step(frame.data.readInt32LE(0)), frame.data.readInt32LE(4)));
    if (!frame) throw new HoyError("the process that holds the user's namespace ended unexpectedly");
  };
  try {
    expectWord();
    if (!monitor) writeMaps(pid, identityMaps(ownIdentity()));
    writeFileSync(newPidFile(folder), String(pid));
    writeAll(ours.number, new Uint8Array(1));
    expectWord();
  } finally {
    ours.close();
  }
  return pid;
}

/** The monitors of this user's running containers, whatever the store (pidfd_open(2)). */
function* livingMonitors(folder: string): Generator<Fd> {
  const stores = join(folder, "stores");
  const runs = [folder, ...(existsSync(stores) ? readdirSync(stores).map((name) => join(stores, name)) : [])];
  for (const run of runs) {
    const containers = join(run, "containers");
    for (const id of existsSync(containers) ? readdirSync(containers) : []) {
      const monitor = monitorOf({ run }, id);
      if (monitor) yield monitor;
    }
  }
}

/** The parent of the container's first process. */
function monitorOf(store: { run: string }, id: string): Fd | undefined {
  try {
    const pid = readFileSync(join(runFolder(store, id), "pid"), "utf8").trim();
    const parent = /^PPid:\s*([1-9]\d*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    if (parent === undefined) return undefined;
    const fd = sys(NR.pidfd_open, Number(parent), 0);
    if (fd < 0) return undefined;
    const monitor = new Fd(fd);
    // a monitor that lives has not reaped: the numbers were still those of its processes
    if (isAlive(store, id) && !readExit(store, id)) return monitor;
    monitor.close();
  } catch {
    // it has ended meanwhile
  }
  return undefined;
}

/** Goes on inside the user's namespace: this call does not return there, the whole command starts again as its root. */
export function enterNamespace(): void {
  const { [FAILED_VARIABLE]: failures = "0", ...environment } = process.env;
  if (Number(failures) >= MAX_FAILURES) {
    throw new HoyError("cannot join the user's namespace", { hint: `remove ${userRunFolder()}/pause.* and try again` });
  }
  const pause = ensurePause();
  const { path, prefix } = engineProgram();
  const argv = [process.argv0, ...prefix, ...process.argv.slice(2)];
  const env = [...Object.entries(environment).map(([key, value]) => `${key}=${value}`), ...carriedVariables()];
  const tape = new Tape();
  tape.mode = Mode.play;
  const part = new Part();
  const inside = tape.strings([...env, `${ROOTLESS_VARIABLE}=${hostUid()}`]);
  const failed = tape.strings([...env, `${FAILED_VARIABLE}=${Number(failures) + 1}`]);
  const words = tape.strings(argv);
  part.op("open pause", NR.pidfd_open, [pause, 0], { out: slot(0), ignore: "any", skip: 6 });
  part.op("join the user's namespace", NR.setns, [slot(0), CLONE_NEWUSER | CLONE_NEWNS], { ignore: "any", skip: 5 });
  part
    .op("become root", NR.setresgid, [0, 0, 0], { ignore: "any", skip: 4 })
    .op("become root", NR.setresuid, [0, 0, 0], { ignore: "any", skip: 3 });
  part.op("return to the working directory", NR.chdir, [process.cwd()], { ignore: "any" });
  part.op("close all descriptors", NR.close_range, [3, 0x7fffffff, CLOEXEC_ALL]);
  part.op("execute hoy", NR.execve, [path, words, inside], { ignore: "any" });
  part.op("execute hoy", NR.execve, [path, words, failed]);
  tape.lay("early", part);
  throw becomePlayer(tape.send(), "hoy");
}
