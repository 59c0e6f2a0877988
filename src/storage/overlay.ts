/**
 * The overlay of a container's layers as a detached mount: in no mount table, gone with its last descriptor.
 * Where the new mount API cannot say it (kernels before 6.5 know no `lowerdir+`), a child mounts it with mount(2) in a mount
 * namespace of its own and hands a copy back.
 */
import { EINVAL, ENAMETOOLONG, ENOSYS, EPERM, SysError } from "../../ffi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, type Fd, receiveFds, socketPair } from "../../ffi/fd.ts";
import { LONGEST_OPTION, newMount } from "../../ffi/mount.ts";
import { spawnPlayer, waitChild } from "../../ffi/player.ts";
import { NR } from "../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, slot, Tape } from "../../ffi/tape.ts";
import { HoyError } from "../spec/error.ts";

export interface Overlay {
  /** Folders of the layers, the topmost first: absolute, and the same relative to `folder` for the old mount call's single page. */
  lowers: readonly string[];
  links: readonly string[];
  folder: string;
  /** Absent: read-only. */
  upper?: string;
  work?: string;
  /** A folder over which a tmpfs is mounted first, for the mount alone; `upper` and `work` lie in it. */
  scratch?: string;
  /** Bytes that it may hold; 0 or absent: as many as any tmpfs. */
  scratchSize?: number;
  /** Marks go into user.overlay.*: the mount is made in a user namespace. */
  userxattr: boolean;
  /** The layers show the ids of a user namespace in place of those that their files have; `upper` is for them as it is. */
  idMap?: IdMap | undefined;
  /**
   * Nothing of `upper` is worth keeping after a loss of power: the mount's end and fsync(2) in it wait for no disk (Linux 5.10; older
   * kernels do without). The caller has taken the mark of an earlier such mount away (`volatileMark`).
   */
  volatile?: boolean;
  /** SELinux label of all files in it. */
  label?: string | undefined;
}

export interface IdMap {
  namespace: Fd;
  /** A mountpoint for a single layer; without it the layers lie in `folder`, which is mapped whole. */
  place?: string;
  /** Owner of a new `upper` in `scratch`. */
  root: { uid: number; gid: number };
}

/** The folder that tells the kernel of an earlier volatile mount; it refuses another one while it is there. */
export const volatileMark = (work: string): string => `${work}/work/incompat`;

/** Set to `old`, or `unmapped`, to test the ways of older kernels. */
const FORCED = "HOY_MOUNT_API";
/** mount(2) takes one page of options. */
const PAGE = 4096;

/** Mounts it. Throws SysError, or HoyError when there are too many layers for this kernel. */
export function mountOverlay(overlay: Overlay): Fd {
  try {
    return mountEither(overlay);
  } catch (error) {
    if (!overlay.volatile || !(error instanceof SysError) || error.errno !== EINVAL) throw error;
    return mountEither({ ...overlay, volatile: false });
  }
}

function mountEither(overlay: Overlay): Fd {
  const paths = [...overlay.lowers, overlay.upper ?? "", overlay.work ?? ""];
  if (
    overlay.idMap ||
    process.env[FORCED] === "old" ||
    overlay.scratch !== undefined ||
    paths.some((path) => Buffer.byteLength(path) > LONGEST_OPTION)
  )
    return mountInChild(overlay);
  try {
    return mountNew(overlay);
  } catch (error) {
    if (error instanceof SysError && [EINVAL, ENOSYS].includes(error.errno)) return mountInChild(overlay);
    throw error;
  }
}

function mountNew({ lowers, upper, work, userxattr, volatile, label }: Overlay): Fd {
  const options: [string, string | null][] = lowers.map((lower) => ["lowerdir+", lower]);
  if (upper !== undefined && work !== undefined) options.push(["upperdir", upper], ["workdir", work]);
  if (userxattr) options.push(["userxattr", null]);
  if (volatile) options.push(["volatile", null]);
  if (label) options.push(["context", label]);
  return newMount("overlay", options);
}

/** Colons and backslashes separate overlay's options. */
const escapeOption = (path: string): string => path.replace(/[\\:,]/g, "\\$&");

function pageOfOptions({ links: all, upper, work, userxattr, idMap, volatile, label }: Overlay): string {
  const links = idMap?.place === undefined ? all : [idMap.place];
  const words = [`lowerdir=${links.map(escapeOption).join(":")}`];
  if (upper !== undefined && work !== undefined) words.push(`upperdir=${escapeOption(upper)}`, `workdir=${escapeOption(work)}`);
  if (userxattr) words.push("userxattr");
  if (volatile) words.push("volatile");
  // in quotes, as its categories are separated by commas
  if (label) words.push(`context="${label}"`);
  const text = words.join(",");
  if (Buffer.byteLength(text) >= PAGE)
    throw new HoyError(`${links.length} layers are too many for this kernel's overlay mount`, {
      hint: "Linux 6.5 and later take any number",
    });
  return text;
}

const CLONE_NEWNS = 0x00020000;
const MS_REC_PRIVATE = 0x4000 | (1 << 18);
const OPEN_TREE_CLONE_CLOEXEC = 1 | 0o2000000;
/** Any number that nothing else has: the message that carries it is written beforehand. */
const PASSED = 60;
const MOUNT = slot(0);
const MAPPED = slot(1);
const MOUNT_ATTR_IDMAP = 0x00100000n;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_STEP = "mount overlay";
const MAP_STEP = "map the ids of the layers";

/** struct mount_attr (mount_setattr(2)). */
const idMapAttributes = (namespace: number): Uint8Array =>
  new Uint8Array(new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(namespace)]).buffer);

/** Covers the folder of the layers with itself, but for the ids; a single layer appears at its place. Linux 5.12, overlay over it 5.19. */
function mapLayers(tape: Tape, part: Part, { lowers, folder }: Overlay, { place }: IdMap): void {
  const source = place === undefined ? folder : (lowers[0] as string);
  part.op(`copy the mount of ${source}`, NR.open_tree, [AT_FDCWD, source, OPEN_TREE_CLONE_CLOEXEC], { out: MAPPED });
  part.op(MAP_STEP, NR.mount_setattr, [MAPPED, "", AT_EMPTY_PATH, tape.bytes(idMapAttributes(PlayerFd.data)), 32]);
  part.op(`mount ${source}`, NR.move_mount, [MAPPED, "", AT_FDCWD, place ?? folder, MOVE_MOUNT_F_EMPTY_PATH]);
}

/** True for what mountOverlay throws where this file system or kernel cannot map the ids of an overlay's layers. */
export const cannotMap = (error: unknown): boolean =>
  error instanceof SysError && [EINVAL, ENOSYS, EPERM].includes(error.errno) && [MAP_STEP, MOUNT_STEP].includes(error.step);

function mountInChild(overlay: Overlay): Fd {
  const { idMap } = overlay;
  if (idMap && process.env[FORCED] === "unmapped") throw new SysError(MAP_STEP, EINVAL);
  const tape = new Tape();
  tape.mode = Mode.play;
  const part = new Part();
  part.op("unshare the mount namespace", NR.unshare, [CLONE_NEWNS]);
  part.op("make the mounts private", NR.mount, [0, "/", 0, MS_REC_PRIVATE, 0]);
  if (idMap) mapLayers(tape, part, overlay, idMap);
  part.op(`chdir ${overlay.folder}`, NR.chdir, [overlay.folder]);
  if (overlay.scratch !== undefined) {
    part.op("mount a tmpfs", NR.mount, [
      "tmpfs",
      overlay.scratch,
      "tmpfs",
      0,
      `mode=0755${overlay.scratchSize ? `,size=${overlay.scratchSize}` : ""}`,
    ]);
    for (const folder of [overlay.upper, overlay.work])
      if (folder !== undefined) part.op(`mkdir ${folder}`, NR.mkdirat, [AT_FDCWD, folder, 0o755]);
    if (idMap && overlay.upper !== undefined)
      part.op(`chown ${overlay.upper}`, NR.fchownat, [AT_FDCWD, overlay.upper, idMap.root.uid, idMap.root.gid, 0]);
  }
  // any folder but the root, which would not be looked up anew; the mount over it is seen by this child alone
  const place = overlay.upper ?? (overlay.lowers[0] as string);
  part.op(MOUNT_STEP, NR.mount, ["overlay", place, "overlay", 0, pageOfOptions(overlay)]);
  part.op("copy the overlay mount", NR.open_tree, [AT_FDCWD, place, OPEN_TREE_CLONE_CLOEXEC], { out: MOUNT });
  part.op("hand the mount back", NR.dup3, [MOUNT, PASSED, 0o2000000]);
  part.op("hand the mount back", NR.sendmsg, [PlayerFd.owner, tape.descriptorMessage(new Uint8Array(8), PASSED), 0]);
  tape.lay("early", part);
  const [ours, theirs] = socketPair();
  using tapeFd = tape.send();
  const child = spawnPlayer({ tape: tapeFd, owner: theirs, ...(idMap ? { data: idMap.namespace } : {}) }, "hoy-mount");
  theirs.close();
  // the answer is the mount, or a frame that tells the step that failed
  const { data, fds } = receiveFds(ours.number, 16);
  ours.close();
  waitChild(child);
  const [mount] = fds;
  if (mount) return mount;
  if (data.length < 16) throw new SysError("mount overlay", ENAMETOOLONG);
  throw new SysError(tape.step(data.readInt32LE(8)), data.readInt32LE(12));
}
