/** User namespaces without a process, and mounts whose files show their ids (mount_setattr(2), "ID-mapped mounts"). */
import { check, EINVAL, EPERM, SysError } from "../../ffi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, Fd, O_RDONLY, open, socketPair } from "../../ffi/fd.ts";
import { writeFileSync } from "../../ffi/fs.ts";
import { cstr, sys } from "../../ffi/libc.ts";
import { spawnPlayer, waitChild } from "../../ffi/player.ts";
import { NR } from "../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, Tape } from "../../ffi/tape.ts";
import type { IDMapping } from "../spec/runtime.ts";
import { encodeFrame, FrameReader, From } from "./frames.ts";
import { AT_RECURSIVE, OPEN_TREE_CLONE } from "./plan/mounts.ts";
import { failure } from "./start.ts";

const CLONE_NEWUSER = 0x10000000;
const MOUNT_ATTR_IDMAP = 0x00100000n;
const CLOEXEC = 0o2000000;

const lines = (maps: readonly IDMapping[]): string =>
  maps.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join("\n");

/** A user namespace with these maps and no process: a child makes it, and waits until hoy has written the maps and opened it. */
export function makeUserNamespace({ uidMaps, gidMaps }: { uidMaps: readonly IDMapping[]; gidMaps: readonly IDMapping[] }): Fd {
  const tape = new Tape();
  tape.mode = Mode.play;
  const made = encodeFrame(From.ready);
  const part = new Part();
  part.op("make a user namespace", NR.unshare, [CLONE_NEWUSER]);
  part.op("tell of it", NR.write, [PlayerFd.owner, tape.bytes(made), made.length]);
  part.op("wait", NR.read, [PlayerFd.owner, tape.space(8), 1]);
  tape.lay("early", part);
  const [ours, theirs] = socketPair();
  using sent = tape.send();
  const pid = spawnPlayer({ tape: sent, owner: theirs }, "hoy-idmap");
  theirs.close();
  try {
    const frame = new FrameReader(ours.number).next();
    if (frame?.type !== From.ready) throw frame ? failure(tape, frame) : new SysError("make a user namespace", EPERM);
    writeFileSync(`/proc/${pid}/gid_map`, lines(gidMaps));
    writeFileSync(`/proc/${pid}/uid_map`, lines(uidMaps));
    return open(`/proc/${pid}/ns/user`, O_RDONLY);
  } finally {
    ours.close();
    waitChild(pid);
  }
}

/** What is mounted at the path, and below it where `recursive`, as a detached mount. Throws SysError. */
export function copyMount(path: string, recursive: boolean): Fd {
  const flags = OPEN_TREE_CLONE | CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return new Fd(check(sys(NR.open_tree, AT_FDCWD, cstr(path), flags), `bind ${path}`));
}

/**
 * What is mounted at the path as a detached mount that shows the ids of the namespace in place of those that its files have:
 * undefined where this file system, or this kernel's, has no such mounts. `below`: those below it, too. Throws SysError.
 */
export function mapTree(path: string, namespace: Fd, { recursive = false, below = false } = {}): Fd | undefined {
  const made = copyMount(path, recursive);
  const attributes = new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(namespace.number)]);
  const how = AT_EMPTY_PATH | (below ? AT_RECURSIVE : 0);
  const result = sys(NR.mount_setattr, made.number, cstr(""), how, attributes, attributes.byteLength);
  if (result === 0) return made;
  made.close();
  if (result === -EINVAL) return undefined;
  throw new SysError(`map the ids of ${path}`, -result);
}
