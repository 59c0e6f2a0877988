/**
 * A limit on what a container writes (`--storage-opt size=`): its folders get a project id of their own, and that id a limit of the
 * file system's (quotactl(2), ioctl FS_IOC_FSSETXATTR; moby quota/projectquota.go). Loaded only where one is asked for.
 */
import { statAt } from "../../ffi/at.ts";
import { check, ENOENT, ENOSYS, ESRCH } from "../../ffi/errno.ts";
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../ffi/fd.ts";
import { readFileSync } from "../../ffi/fs.ts";
import { cstr, sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";
import { HoyError } from "../spec/error.ts";

const PROJECT_QUOTA = 2;
const command = (letter: number): number => ((("X".charCodeAt(0) << 8) + letter) << 8) | PROJECT_QUOTA;
const Q_XGETQUOTA = command(3);
const Q_XSETQLIM = command(4);
const Q_XGETQSTAT = command(5);
/** Limits of project quotas are enforced. */
const ENFORCED = 1 << 5;
const FS_PROJ_QUOTA = 2;
const LIMITS = (1 << 2) | (1 << 3);
/** Limits are counted in blocks of so many bytes. */
const BLOCK = 512;
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const PROJINHERIT = 0x200;

interface FileSystem {
  type: string;
  source: string;
}

/** The file system that a folder is on, by its device number (proc(5), mountinfo). */
function fileSystemOf(folder: Fd): FileSystem {
  const device = statAt(folder.number, "")?.fileSystem;
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((entry) => entry.split(" ")[2] === device);
  const [type = "an unknown file system", source = ""] = line?.split(" - ")[1]?.split(" ") ?? [];
  return { type, source };
}

/** quotactl_fd(2), before Linux 5.14 quotactl(2) of the block device. Returns 0 or the negated errno. */
function quotactl(folder: Fd, call: number, id: number, data: Buffer): number {
  const result = sys(NR.quotactl_fd, folder.number, call, id, data);
  if (result !== -ENOSYS) return result;
  const { source } = fileSystemOf(folder);
  return source.startsWith("/") ? sys(NR.quotactl, call, cstr(source), id, data) : result;
}

function checkEnforced(root: string, folder: Fd): void {
  const state = Buffer.alloc(256);
  state.writeInt8(1, 0);
  if (quotactl(folder, Q_XGETQSTAT, 0, state) === 0 && state.readUInt16LE(2) & ENFORCED) return;
  const { type } = fileSystemOf(folder);
  const without = type === "ext4" || type === "xfs" ? ` ${type} without it` : ` ${type}`;
  throw new HoyError(`--storage-opt size: needs xfs or ext4 with project quotas (mount option prjquota): ${root} is on${without}`, {
    status: 400,
  });
}

/** struct fs_disk_quota: a limit in bytes, 0 for none. */
function limitOf(project: number, bytes: number): Buffer {
  const quota = Buffer.alloc(112);
  quota.writeInt8(1, 0);
  quota.writeInt8(FS_PROJ_QUOTA, 1);
  quota.writeUInt16LE(LIMITS, 2);
  quota.writeUInt32LE(project, 4);
  const blocks = BigInt(Math.ceil(bytes / BLOCK));
  quota.writeBigUInt64LE(blocks, 8);
  quota.writeBigUInt64LE(blocks, 16);
  return quota;
}

/** True when nobody has files or a limit under this id. */
function isFree(folder: Fd, project: number): boolean {
  const quota = Buffer.alloc(112);
  const result = quotactl(folder, Q_XGETQUOTA, project, quota);
  if (result === -ENOENT || result === -ESRCH) return true;
  check(result, "look for a free project id");
  return [8, 16, 40, 48].every((at) => quota.readBigUInt64LE(at) === 0n);
}

/** Gives the folder, and all that will be made in it, the project id. */
function join(folder: Fd, project: number): void {
  const attributes = Buffer.alloc(28);
  check(sys(NR.ioctl, folder.number, FS_IOC_FSGETXATTR, attributes), "read the attributes of the container's folder");
  attributes.writeUInt32LE((attributes.readUInt32LE(0) | PROJINHERIT) >>> 0, 0);
  attributes.writeUInt32LE(project, 12);
  check(sys(NR.ioctl, folder.number, FS_IOC_FSSETXATTR, attributes), `set project id ${project} on the container's folder`);
}

/** Above those that people and other engines give by hand. */
const FIRST = 0x40000000;
const SPAN = 0x3fffffff;

export interface Limit {
  /** The store's folder. */
  root: string;
  /** Empty folders of the container. */
  folders: readonly string[];
  /** For all of them together. */
  bytes: number;
  /** Hex digits from which the search for a project id begins: the container's. */
  id: string;
}

/** Sets the limit; returns the project id. Throws HoyError where the file system has no such limits, SysError. */
export function limitFolders({ root, folders, bytes, id }: Limit): number {
  using place = open(root, O_RDONLY | O_DIRECTORY);
  checkEnforced(root, place);
  let project = FIRST + (Number.parseInt(id.slice(0, 8), 16) % SPAN);
  while (!isFree(place, project)) project = FIRST + ((project - FIRST + 1) % SPAN);
  check(quotactl(place, Q_XSETQLIM, project, limitOf(project, bytes)), `limit project id ${project}`);
  for (const path of folders) {
    using folder = open(path, O_RDONLY | O_DIRECTORY);
    join(folder, project);
  }
  return project;
}

/** Takes the limit back once the folders are gone; one that stays keeps its id from being used, no more. */
export function forgetLimit(root: string, project: number): void {
  using place = open(root, O_RDONLY | O_DIRECTORY);
  quotactl(place, Q_XSETQLIM, project, limitOf(project, 0));
}
