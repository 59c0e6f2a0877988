/** The container's /dev: nodes (as root) or binds of the host's (in a user namespace), and the customary links. */
import { EEXIST, EXDEV } from "../../../ffi/errno.ts";
import { AT_FDCWD, O_DIRECTORY, O_PATH } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { slot } from "../../../ffi/tape.ts";
import type { Device } from "../../spec/runtime.ts";
import { DEFAULT_DEVICE_LINKS, DEFAULT_DEVICES } from "../defaults.ts";
import { OPEN_TREE_CLONE } from "./mounts.ts";
import { attach, makeDirectories, makeFile, openInRoot, type Planner } from "./paths.ts";

const FOLDER = slot(4);
const MOUNT = slot(3);
const CLOEXEC = 0o2000000;
const TYPES: Record<string, number> = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 };

/** dev_t as mknod(2) takes it (makedev(3)). */
export const deviceNumber = (major: number, minor: number): number => (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);

/** Removes what the container's own layer has there, from an earlier start or the image, but nothing of a volume. /dev is always new. */
function removeStale(planner: Planner, step: string, folder: string, name: string): void {
  if (`${folder}/`.startsWith("/dev/")) return;
  openInRoot(planner, step, folder, { flags: O_PATH | O_DIRECTORY, noMounts: true, out: FOLDER, ignore: EXDEV, skip: 1 });
  planner.part.op(step, NR.unlinkat, [FOLDER, name, 0], { ignore: "any" });
}

/** What a volume has in the node's place stays and is used, as with runc. */
function makeNode(planner: Planner, device: Device): void {
  const at = device.path.lastIndexOf("/");
  const name = device.path.slice(at + 1);
  const step = `mknod ${device.path}`;
  const folder = device.path.slice(0, at);
  const type = TYPES[device.type] ?? 0;
  const owned = device.uid || device.gid;
  makeDirectories(planner, folder);
  removeStale(planner, step, folder, name);
  openInRoot(planner, step, folder, { flags: O_PATH | O_DIRECTORY, out: FOLDER });
  const node = [FOLDER, name, type | (device.fileMode ?? 0o666), deviceNumber(device.major ?? 0, device.minor ?? 0)];
  planner.part.op(step, NR.mknodat, node, { ignore: EEXIST, skip: owned ? 1 : 0 });
  if (owned) planner.part.op(step, NR.fchownat, [FOLDER, name, device.uid ?? 0, device.gid ?? 0, 0x100]);
}

function bindNode(planner: Planner, device: Device): void {
  makeFile(planner, device.path);
  planner.part.op(`bind ${device.path}`, NR.open_tree, [AT_FDCWD, device.path, OPEN_TREE_CLONE | CLOEXEC], { out: MOUNT });
  attach(planner, `bind ${device.path}`, MOUNT, device.path, true);
}

/** Fills /dev with what every container has and `devices`. A user namespace may make no device nodes: there the host's are bound. */
export function planDevices(planner: Planner, devices: readonly Device[], inUserNamespace: boolean): void {
  for (const device of [...DEFAULT_DEVICES, ...devices])
    inUserNamespace && device.type !== "p" ? bindNode(planner, device) : makeNode(planner, device);
  openInRoot(planner, "open /dev in the container", "dev", { flags: O_PATH | O_DIRECTORY, noLinks: true, out: FOLDER });
  for (const [path, target] of DEFAULT_DEVICE_LINKS)
    planner.part.op(`symlink ${path}`, NR.symlinkat, [target, FOLDER, path.slice("/dev/".length)], { ignore: EEXIST });
}
