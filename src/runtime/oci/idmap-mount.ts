/**
 * Binds whose files show other owners than they have (config.md, "idmap", "ridmap", uidMappings): mount_setattr(2) with
 * MOUNT_ATTR_IDMAP takes the map of a user namespace. hoy makes these mounts itself, as the rights over the file system are its own.
 */

import { check, EINVAL, EPERM, SysError } from "../../../ffi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, Fd, O_RDONLY, open, socketPair } from "../../../ffi/fd.ts";
import { writeFileSync } from "../../../ffi/fs.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { IDMapping, Mount, Spec } from "../../spec/runtime.ts";
import { encodeFrame, FrameReader, From } from "../frames.ts";
import { parseMountOptions } from "../plan/mount-options.ts";
import { AT_RECURSIVE, OPEN_TREE_CLONE } from "../plan/mounts.ts";
import { failure } from "../start.ts";
import { idMaps } from "./namespaces.ts";

const CLONE_NEWUSER = 0x10000000;
const MOUNT_ATTR_IDMAP = 0x00100000n;
const CLOEXEC = 0o2000000;

interface Maps {
  uidMaps: readonly IDMapping[];
  gidMaps: readonly IDMapping[];
}

const lines = (maps: readonly IDMapping[]): string =>
  maps.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join("\n");

/** A user namespace with these maps and no process: a child makes it, and waits until hoy has written the maps and opened it. */
function makeUserNamespace({ uidMaps, gidMaps }: Maps): Fd {
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

/** The mount's own map, else that of the container's user namespace. */
function namespaceOf(mount: Mount, spec: Spec): Fd {
  const { uidMappings = [], gidMappings = [], destination } = mount;
  if (uidMappings.length > 0 && gidMappings.length > 0) return makeUserNamespace({ uidMaps: uidMappings, gidMaps: gidMappings });
  if (uidMappings.length > 0 || gidMappings.length > 0)
    throw new HoyError(`the mount on ${destination}: uidMappings and gidMappings go together`, { status: 400 });
  const own = idMaps(spec);
  if (own) return makeUserNamespace(own);
  const joined = spec.linux?.namespaces?.find(({ type }) => type === "user")?.path;
  if (joined !== undefined) return open(joined, O_RDONLY);
  throw new HoyError(`the mount on ${destination}: "idmap" needs uidMappings and gidMappings, or a user namespace of the container`, {
    status: 400,
  });
}

export const isMapped = (mount: Mount): boolean =>
  parseMountOptions(mount.destination, mount.options ?? []).idMap !== undefined ||
  (mount.uidMappings ?? []).length + (mount.gidMappings ?? []).length > 0;

/** What is mounted at the path, and below it where `recursive`, as a detached mount. Throws SysError. */
export function copyMount(path: string, recursive: boolean): Fd {
  const flags = OPEN_TREE_CLONE | CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return new Fd(check(sys(NR.open_tree, AT_FDCWD, cstr(path), flags), `bind ${path}`));
}

/** The bind as a detached mount with the map set; the player sets its other attributes. Throws HoyError. */
export function mapMount(spec: Spec, mount: Mount): Fd {
  const { destination, source = "" } = mount;
  const options = parseMountOptions(destination, mount.options ?? []);
  if (!options.bind && mount.type !== "bind")
    throw new HoyError(`the mount on ${destination} is no bind: ids are mapped for these alone`, { status: 400 });
  using namespace = namespaceOf(mount, spec);
  const made = copyMount(source, options.recursive);
  const attributes = new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(namespace.number)]);
  const how = AT_EMPTY_PATH | (options.idMap === "ridmap" ? AT_RECURSIVE : 0);
  const result = sys(NR.mount_setattr, made.number, cstr(""), how, attributes, attributes.byteLength);
  if (result === 0) return made;
  made.close();
  const error = new SysError(`map the ids of ${source} on ${destination}`, -result);
  if (error.errno === EINVAL)
    throw new HoyError(error.message, { hint: "this file system, or this kernel's, has no mounts with other ids", cause: error });
  throw error;
}
