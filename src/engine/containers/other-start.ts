/**
 * Processes that another runtime makes, under hoy's monitor:
 *
 *     hoy                      monitor (a subreaper)            child
 *      │  Play, Exec ─────────▶ │ clone ──────────────────────▶ │ mounts the root, is RUNTIME create (exec --detach)
 *      │                        │                               │   └▶ the container's process, with the child's streams
 *      │ ◀──────────── Created  │ ◀──────────────────── its end │
 *      │  (pid file, console socket, network, row)
 *      │  Adopt: pid, terminal ▶│ holds the process, its parent now
 *      │ ◀──────────── Started  │
 *      │  RUNTIME start
 *
 * The root file system is mounted in a mount namespace of the child's: the runtime copies it for the container.
 */
import { join } from "node:path";
import { check, EAGAIN } from "../../../ffi/errno.ts";
import { AT_FDCWD, type Fd, O_CLOEXEC, O_PATH, O_RDWR, receiveFds } from "../../../ffi/fd.ts";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { listenUnix } from "../../../ffi/socket.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, PlayerFd, slot } from "../../../ffi/tape.ts";
import { NULL_DEVICE, useStreams, waitForWord } from "../../runtime/plan/init.ts";
import type { Planner } from "../../runtime/plan/paths.ts";
import type { Monitor } from "../../runtime/start.ts";
import { HoyError } from "../../spec/error.ts";
import type { Mount, Spec } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import {
  callRuntime,
  deleteFromRuntime,
  forgetErrors,
  isKnownToRuntime,
  lastError,
  runtimeCommand,
  runtimeEnvironment,
  runtimeError,
  runtimeOf,
} from "./other-runtime.ts";
import { type ContainerRow, dataFolder } from "./row.ts";

const CLONE_NEWNS = 0x00020000;
const MS_REC_PRIVATE = 0x4000 | (1 << 18);
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const CLOSE_RANGE_CLOEXEC = 4;
const SOURCE = slot(1);

export interface Making {
  store: Store;
  row: ContainerRow;
  monitor: Monitor;
  /** A folder of the process's own for pid file and console socket. */
  folder: string;
  /** The process's user, who gets the streams. */
  uid: number;
  stdin: boolean;
  terminal: boolean;
  /** The runtime's command without the options for pid file and console socket, and what stands behind these. */
  verb: readonly string[];
  last: readonly string[];
  /** Played before: mounts. */
  before?: (part: Part) => void;
  rootfs?: Fd;
}

export interface Made {
  pid: number;
  /** The terminal's master. */
  console: Fd | undefined;
}

/** Lets the runtime make the process. It has not begun where there is a `start`. Throws HoyError with the runtime's words. */
export function makeProcess(making: Making): Made {
  const { store, row, monitor, folder, verb, last, terminal } = making;
  const pidFile = join(folder, "runtime.pid");
  rmSync(pidFile, { force: true });
  forgetErrors(store, row.id);
  using socket = terminal ? listenUnix(folder, "console.sock") : undefined;
  const options = [
    "--pid-file",
    pidFile,
    ...(socket ? ["--console-socket", `/proc/${process.pid}/fd/${socket.folder.number}/console.sock`] : []),
  ];
  const init = planChild(making, runtimeCommand(store, row, ...verb, ...options, ...last));
  monitor.play({ init, namespaces: 0, into: undefined, ...(making.rootfs ? { rootfs: making.rootfs } : {}) });
  const code = monitor.create();
  if (code !== 0) throw runtimeError(row, verb[0] as string, lastError(store, row.id) ?? `exit code ${code}`);
  const pid = Number(readFileSync(pidFile, "utf8").trim());
  if (!(pid > 0)) throw new HoyError(`${runtimeOf(row).path} ${verb[0]}: it wrote no process id into ${pidFile}`);
  return { pid, console: socket && receiveConsole(socket, row) };
}

function receiveConsole(socket: { accept(): Fd | undefined }, row: ContainerRow): Fd {
  using connection = socket.accept();
  const [master, ...others] = connection ? receiveFds(connection.number, 4096).fds : [];
  for (const other of others) other.close();
  if (!master) throw new HoyError(`${runtimeOf(row).path}: it sent no terminal to the console socket`);
  return master;
}

function planChild({ monitor, uid, stdin, terminal, before }: Making, command: readonly string[]): Part {
  const { tape } = monitor;
  const part = new Part();
  const planner: Planner = { tape, part, known: new Set() };
  part.op("open /dev/null", NR.openat, [AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC], { out: NULL_DEVICE });
  if (!terminal) useStreams(planner, { stdin, uid });
  before?.(part);
  waitForWord(planner);
  part.op("keep the descriptors", NR.close_range, [3, 0x7fffffff, CLOSE_RANGE_CLOEXEC]);
  const env = Object.entries(runtimeEnvironment()).map(([name, value]) => `${name}=${value}`);
  part.op(`run ${command[0]}`, NR.execve, [command[0] as string, tape.strings(command), tape.strings(env)]);
  return part;
}

/** The version of the specification that every runtime in use knows: a container needs nothing of later ones but a time namespace. */
const OLDEST = "1.0.2";

/** A time namespace without offsets is the host's time. */
function makeOlder(spec: Spec): void {
  spec.ociVersion = OLDEST;
  if (spec.linux) spec.linux.namespaces = (spec.linux.namespaces ?? []).filter(({ type }) => type !== "time");
}

export interface OtherStart {
  store: Store;
  row: ContainerRow;
  monitor: Monitor;
  spec: Spec;
  rootfs: Fd;
  runFolder: string;
}

/** Gives the mounts that hoy has made places in the child's mount namespace; the spec names these from then on. */
function placeMounts(data: string, spec: Spec): (part: Part) => void {
  const root = join(data, spec.root?.path ?? "rootfs");
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const made = ((spec.mounts ?? []) as Mount[]).filter(({ detached }) => detached);
  const places = made.map((mount, index) => {
    const [source, place] = [mount.source as string, join(data, `mount-${index}`)];
    if (statSync(source).isDirectory()) mkdirSync(place, { recursive: true });
    else writeFileSync(place, "");
    Object.assign(mount, { type: "bind", source: place, options: ["rbind", ...(mount.options ?? [])], detached: undefined });
    return { source, place };
  });
  return (part) => {
    part.op("unshare the mount namespace", NR.unshare, [CLONE_NEWNS]);
    part.op("make the mounts private", NR.mount, [0, "/", 0, MS_REC_PRIVATE, 0]);
    part.op("attach the root file system", NR.move_mount, [PlayerFd.rootfs, "", AT_FDCWD, root, MOVE_MOUNT_F_EMPTY_PATH]);
    for (const { source, place } of places) {
      part.op(`mount ${place}`, NR.openat, [AT_FDCWD, source, O_PATH | O_CLOEXEC], { out: SOURCE });
      part.op(`mount ${place}`, NR.move_mount, [SOURCE, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH]);
    }
  };
}

/** `create`: the container with its first process, which waits. `write` puts config.json in its place. Throws HoyError. */
export function createWithRuntime({ store, row, monitor, spec, rootfs, runFolder }: OtherStart, write: () => void): Made {
  const data = dataFolder(store, row.id);
  const before = placeMounts(data, spec);
  makeOlder(spec);
  write();
  if (isKnownToRuntime(store, row)) deleteFromRuntime(store, row);
  const { config } = row.options;
  return makeProcess({
    store,
    row,
    monitor,
    folder: runFolder,
    uid: spec.process?.user.uid ?? 0,
    stdin: config.OpenStdin,
    terminal: config.Tty,
    verb: ["create", "--bundle", data],
    last: [row.id],
    before,
    rootfs,
  });
}

export const startWithRuntime = (store: Store, row: ContainerRow): void => callRuntime(store, row, "start", row.id);

/** TIOCSWINSZ; the runtime may not know consoleSize. */
export function setSize(terminal: Fd, size: { rows: number; columns: number } | undefined): void {
  if (!size) return;
  const result = sys(NR.ioctl, terminal.number, 0x5414, new Uint16Array([size.rows, size.columns, 0, 0]));
  if (result !== -EAGAIN) check(result, "set the terminal's size");
}
