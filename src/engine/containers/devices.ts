/** Device nodes for a container: those of `--device`, all of the host's for `--privileged` (moby daemon/pkg/oci/devices_linux.go). */

import { join } from "node:path";
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "../../../ffi/fs.ts";
import { DEFAULT_DEVICES } from "../../runtime/defaults.ts";
import { reasonOf } from "../../spec/error.ts";
import type { Device, DeviceRule } from "../../spec/runtime.ts";
import type { DeviceMapping, HostConfig } from "./options.ts";
import { deviceRule } from "./parse/device-rule.ts";
import { invalid } from "./parse/invalid.ts";
import { cleanPath } from "./parse/target.ts";

export interface ContainerDevices {
  devices: Device[];
  /** Rules after the default ones; for privileged containers they allow everything. */
  rules: DeviceRule[];
  /** Where the host has what --device asks for, by the path in the container. */
  sources?: ReadonlyMap<string, string>;
}

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

/** What the flags ask for. Throws a HoyError for a path that is no device and no folder of devices. */
export function containerDevices({
  Privileged,
  Devices,
  DeviceCgroupRules,
}: Pick<HostConfig, "Privileged" | "Devices" | "DeviceCgroupRules">): ContainerDevices {
  const mapped = Devices.map((mapping) => ({ mapping, devices: mappedDevices(mapping) }));
  const asked = mapped.flatMap(({ devices }) => devices.map(({ device }) => device));
  const sources = new Map(mapped.flatMap(({ devices }) => devices.map(({ device, source }) => [device.path, source])));
  if (Privileged) return { devices: withoutDoubles([...hostDevices("/dev"), ...asked]), rules: [{ allow: true, access: "rwm" }], sources };
  const rules = mapped.flatMap(({ mapping, devices }) => devices.map(({ device }) => rule(device, mapping.CgroupPermissions)));
  return { devices: withoutDoubles(asked), rules: [...rules, ...(DeviceCgroupRules ?? []).map(deviceRule)], sources };
}

/** The last node of a path counts; those that the runtime makes in every container are its own. */
function withoutDoubles(devices: readonly Device[]): Device[] {
  const byPath = new Map(devices.map((device) => [device.path, device]));
  for (const { path } of DEFAULT_DEVICES) byPath.delete(path);
  byPath.delete("/dev/ptmx");
  byPath.delete("/dev/console");
  return [...byPath.values()];
}

function rule(device: Device, access: string): DeviceRule {
  return { allow: true, type: device.type === "b" ? "b" : "c", major: device.major ?? 0, minor: device.minor ?? 0, access };
}

function mappedDevices({ PathOnHost, PathInContainer }: DeviceMapping): { device: Device; source: string }[] {
  const fail = (why: string) =>
    invalid(`error gathering device information while adding custom device ${JSON.stringify(PathOnHost)}: ${why}`);
  let real: string;
  let stat: Stats;
  try {
    real = realpathSync(PathOnHost);
    stat = statSync(real);
  } catch (error) {
    throw fail(reasonOf(error));
  }
  const inside = cleanPath(PathInContainer);
  const device = deviceOf(inside, stat);
  if (device) return [{ device, source: real }];
  const found = stat.isDirectory() ? walk(real, inside, new Set()) : [];
  if (found.length === 0) throw fail("not a device node");
  return found.map((each) => ({ device: each, source: real + each.path.slice(inside.length) }));
}

/** Folders of /dev that are file systems of their own in a container, or another engine's (runc devices.GetDevices). */
const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]);

export const hostDevices = (folder: string): Device[] => walk(folder, folder, SKIPPED).filter(({ path }) => path !== `${folder}/console`);

/** Nodes below `folder`, under their names below `inside`; links and what cannot be looked at are left out. */
function walk(folder: string, inside: string, skipped: ReadonlySet<string>): Device[] {
  const devices: Device[] = [];
  for (const name of names(folder)) {
    if (skipped.has(name)) continue;
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    const device = deviceOf(join(inside, name), stat);
    if (device) devices.push(device);
    else if (stat.isDirectory()) devices.push(...walk(path, join(inside, name), skipped));
  }
  return devices;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // A folder of /dev that this user may not read, or that went away just now, has nothing to give.
    return [];
  }
}

/** The node as a device of the container's; undefined for what is none. */
export function deviceOf(path: string, stat: Stats): Device | undefined {
  const kind = stat.mode & S_IFMT;
  if (kind !== S_IFCHR && kind !== S_IFBLK) return undefined;
  const { major, minor } = deviceNumbers(stat.rdev);
  // A whiteout of an overlay looks like a character device 0:0.
  if (major === 0 && minor === 0) return undefined;
  return { path, type: kind === S_IFBLK ? "b" : "c", major, minor, fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
}

/** Numbers of the device that a limit on block I/O names. Throws HoyError. */
export function blockDeviceNumbers(path: string): { major: number; minor: number } {
  try {
    return deviceNumbers(statSync(path).rdev);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw invalid(`stat ${path}: ${code === "ENOENT" ? "no such file or directory" : message}`);
  }
}

/** glibc's gnu_dev_major and gnu_dev_minor; node hands out 64 bits, so the upper half is taken by division. */
function deviceNumbers(rdev: number): { major: number; minor: number } {
  const low = rdev >>> 0;
  const high = Math.floor(rdev / 2 ** 32) >>> 0;
  return { major: ((low >>> 8) & 0xfff) | (high & ~0xfff), minor: (low & 0xff) | ((low >>> 12) & ~0xff) };
}
