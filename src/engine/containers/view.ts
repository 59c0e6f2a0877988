/**
 * A container's files from outside, as descriptors: all paths below them are walked by openat2(2). Of a container that runs, its own
 * root with all that is mounted there; of one that does not, its overlay with its volumes and binds, mounted for as long as the
 * descriptor is open, as moby's containerFSView has them.
 */
import { ENAMETOOLONG, SysError } from "../../../ffi/errno.ts";
import { AT_FDCWD, type Fd, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, open, receiveFds, socketPair } from "../../../ffi/fd.ts";
import { existsSync, mkdirSync } from "../../../ffi/fs.ts";
import { type PlayerFds, spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, slot, Tape } from "../../../ffi/tape.ts";
import { AT_RECURSIVE, OPEN_TREE_CLONE, planMounts, setAttributes } from "../../runtime/plan/mounts.ts";
import { HoyError, notFound } from "../../spec/error.ts";
import type { Mount } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import { containerFiles } from "./files.ts";
import { guardContainer } from "./guard.ts";
import { byDepth } from "./mounts.ts";
import { mountRootfs } from "./rootfs.ts";
import { type ContainerRow, rowById, runFolder } from "./row.ts";
import { networkOwner } from "./shared.ts";
import { notRunning, openProcess, waitEnd } from "./signal.ts";
import { resolveMounts } from "./sources.ts";

export interface View extends Disposable {
  /** Of the root, with O_PATH or more. */
  root: Fd;
}

/** All that the container's programs see, mounts included. Throws HoyError or SysError. */
export function viewContainer(store: Store, id: string): View {
  return withState(store, id, {
    running: (row, process) => openRunning(row, process),
    stopped: (row) => mountStopped(store, row),
  });
}

/** The root file system alone, without what is mounted in it: to be read. */
export function viewRootfs(store: Store, id: string): View {
  return withState(store, id, {
    running: (row, process) => copyRoot(row, process),
    stopped(row) {
      const { mount, parts } = mountRootfs(store, row);
      if (parts.length > 0) throw scattered(mount);
      return mount;
    },
  });
}

/** The owners of a container with ids of its own are not the host's: its files cannot be carried to or from others yet. */
export function refuseOwnIds({ name, options }: ContainerRow): void {
  if (options.idMaps)
    throw new HoyError(`${name} has a user namespace of its own (--userns): cp, export and commit do not map its owners yet`, {
      status: 501,
      hint: "a bind or a volume carries files",
    });
}

function scattered(mount: Fd): HoyError {
  mount.close();
  return new HoyError("the root file system of a container over --rootfs / is no tree that could be read in one piece", { status: 400 });
}

interface Ways {
  running(row: ContainerRow, process: Fd): Fd;
  stopped(row: ContainerRow): Fd;
}

/** A container that does not run is locked meanwhile: a start would mount its layer a second time. */
function withState(store: Store, id: string, { running, stopped }: Ways): View {
  const held = new DisposableStack();
  try {
    let { row, process } = look(store, id);
    if (!process) {
      held.use(guardContainer(store, id));
      // it may have been started meanwhile
      ({ row, process } = look(store, id));
    }
    if (process) held.use(process);
    refuseOwnIds(row);
    const root = held.use(process ? running(row, process) : stopped(row));
    return { root, [Symbol.dispose]: () => held.dispose() };
  } catch (error) {
    held.dispose();
    throw error;
  }
}

function look(store: Store, id: string): { row: ContainerRow; process: Fd | undefined } {
  const row = rowById(store, id);
  if (!row) throw notFound("container", id);
  return { row, process: openProcess(store, row) };
}

function openRunning(row: ContainerRow, process: Fd): Fd {
  const root = open(`/proc/${row.pid}/root`, O_PATH | O_DIRECTORY);
  // opened by its number: as long as the process has not ended, that was not given to another one
  if (!waitEnd(process, 0)) return root;
  root.close();
  throw notRunning(row);
}

const CLONE_NEWNS = 0x00020000;
const MS_REC_PRIVATE = 0x4000 | (1 << 18);
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const AT_EMPTY_PATH = 0x1000;
const MOUNT_ATTR_RDONLY = 1;
const COPY = slot(44);
/** Any number that nothing else has: the message that carries it is written beforehand. */
const PASSED = 60;

/** A copy of the mount at the container's `/`: it can be made from inside its mount namespace alone (open_tree(2)). */
function copyRoot(row: ContainerRow, process: Fd): Fd {
  using namespace = open(`/proc/${row.pid}/ns/mnt`, O_RDONLY);
  if (waitEnd(process, 0)) throw notRunning(row);
  return fromChild({ data: namespace }, (part) => {
    part.op("join the container's mount namespace", NR.setns, [PlayerFd.data, CLONE_NEWNS]);
    part.op("copy the container's root mount", NR.open_tree, [AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC], { out: COPY });
  });
}

/** The overlay, with its volumes, binds and images on it. */
function mountStopped(store: Store, row: ContainerRow): Fd {
  const { mount: rootfs, parts } = mountRootfs(store, row);
  using held = new DisposableStack();
  try {
    const mounts = [...parts, ...ownMounts(store, row, { rootfs, held })];
    const readOnly = row.options.hostConfig.ReadonlyRootfs;
    if (mounts.length === 0 && !readOnly) return rootfs;
    const place = runFolder(store, row.id);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const planned = planMounts(mounts);
    held.use(rootfs);
    return fromChild({ rootfs }, (part, tape) => {
      const planner = { tape, part, known: new Set<string>() };
      part.op("unshare the mount namespace", NR.unshare, [CLONE_NEWNS]);
      part.op("make the mounts private", NR.mount, [0, "/", 0, MS_REC_PRIVATE, 0]);
      part.op("attach the root file system", NR.move_mount, [PlayerFd.rootfs, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH]);
      planned.early(planner);
      planned.late(planner, () => undefined);
      if (readOnly) setAttributes(planner, "make the root file system read-only", PlayerFd.rootfs, { set: MOUNT_ATTR_RDONLY });
      const flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
      part.op("copy the mounts", NR.open_tree, [PlayerFd.rootfs, "", flags], { out: COPY });
    });
  } catch (error) {
    rootfs.close();
    throw error;
  }
}

/** Volumes, binds, images, and the engine's files of the last run; a tmpfs ended with it. */
function ownMounts(store: Store, row: ContainerRow, place: { rootfs: Fd; held: DisposableStack }): Mount[] {
  const resolved = resolveMounts(store, row, place).filter(({ type }) => type !== "tmpfs");
  const files = containerFiles(store, networkOwner(store, row).id);
  const engine = [
    { target: "/etc/hosts", path: files.hosts },
    { target: "/etc/hostname", path: files.hostname },
    { target: "/etc/resolv.conf", path: files.resolvConf },
  ]
    .filter(({ path, target }) => existsSync(path) && !resolved.some((mount) => mount.target === target))
    .map((file) => ({ ...file, readOnly: row.options.hostConfig.ReadonlyRootfs }));
  return byDepth([...resolved, ...engine]).map(mountOf);
}

interface Bindable {
  target: string;
  path: string;
  readOnly: boolean;
  detached?: true;
  subpath?: string;
}

function mountOf({ target, path, readOnly, detached, subpath }: Bindable): Mount {
  if (detached) return { destination: target, type: "overlay", source: path, options: ["ro"], detached: true };
  return {
    destination: target,
    type: "bind",
    source: path,
    ...(subpath ? { resolved: true as const } : {}),
    options: ["rbind", "rprivate", ...(readOnly ? ["rro"] : [])],
  };
}

/** Lets a child of the player do what `plan` says, and takes the descriptor in COPY from it. */
function fromChild(fds: Omit<PlayerFds, "tape" | "owner">, plan: (part: Part, tape: Tape) => void): Fd {
  const tape = new Tape();
  tape.mode = Mode.play;
  const part = new Part();
  plan(part, tape);
  part.op("hand the mount over", NR.dup3, [COPY, PASSED, O_CLOEXEC]);
  part.op("hand the mount over", NR.sendmsg, [PlayerFd.owner, tape.descriptorMessage(new Uint8Array(8), PASSED), 0]);
  tape.lay("early", part);
  const [ours, theirs] = socketPair();
  using tapeFd = tape.send();
  const child = spawnPlayer({ tape: tapeFd, owner: theirs, ...fds }, "hoy-view");
  theirs.close();
  // the answer is the mount, or a frame that tells the step that failed
  const { data, fds: received } = receiveFds(ours.number, 16);
  ours.close();
  waitChild(child);
  const [mount] = received;
  if (mount) return mount;
  throw data.length < 16
    ? new SysError("mount the container's files", ENAMETOOLONG)
    : new SysError(tape.step(data.readInt32LE(8)), data.readInt32LE(12));
}
