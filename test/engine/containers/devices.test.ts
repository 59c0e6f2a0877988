/** Devices of the real /dev: every machine has null, zero and tty. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerDevices, hostDevices } from "../../../src/engine/containers/devices.ts";
import { DEFAULT_DEVICES } from "../../../src/runtime/defaults.ts";

const ask = (PathOnHost: string, PathInContainer = PathOnHost, CgroupPermissions = "rwm") =>
  containerDevices({ Privileged: false, DeviceCgroupRules: null, Devices: [{ PathOnHost, PathInContainer, CgroupPermissions }] });

test("a device under another name, with its numbers and rights", () => {
  const { devices, rules, sources } = ask("/dev/null", "/dev/x/nothing", "r");
  expect(sources).toEqual(new Map([["/dev/x/nothing", "/dev/null"]]));
  expect(devices).toMatchObject([{ path: "/dev/x/nothing", type: "c", major: 1, minor: 3, fileMode: 0o666 }]);
  expect(rules).toEqual([{ allow: true, type: "c", major: 1, minor: 3, access: "r" }]);
});

test("a link to a device is the device", () => {
  const folder = mkdtempSync(join(tmpdir(), "hoy-devices-"));
  try {
    symlinkSync("/dev/zero", join(folder, "link"));
    expect(ask(join(folder, "link"), "/dev/z").devices).toMatchObject([{ path: "/dev/z", major: 1, minor: 5 }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a folder of devices", () => {
  const { devices, rules, sources } = ask("/dev", "/host");
  expect(sources?.get("/host/full")).toBe("/dev/full");
  expect(devices.find(({ path }) => path === "/host/full")).toMatchObject({ major: 1, minor: 7 });
  expect(rules.length).toBeGreaterThanOrEqual(devices.length);
});

test("what every container has is not made twice", () => {
  const { devices } = containerDevices({ Privileged: true, DeviceCgroupRules: null, Devices: [] });
  const paths = devices.map(({ path }) => path);
  for (const { path } of DEFAULT_DEVICES) expect(paths).not.toContain(path);
  expect(paths).not.toContain("/dev/ptmx");
  expect(paths).not.toContain("/dev/console");
  expect(new Set(paths).size).toBe(paths.length);
});

test("privileged: all devices, and all are allowed", () => {
  expect(hostDevices("/dev").map(({ path }) => path)).toEqual(expect.arrayContaining(["/dev/null", "/dev/zero"]));
  expect(hostDevices("/dev").some(({ path }) => path.startsWith("/dev/pts/"))).toBe(false);
  expect(containerDevices({ Privileged: true, DeviceCgroupRules: null, Devices: [] }).rules).toEqual([{ allow: true, access: "rwm" }]);
});

test.each([
  ["/dev/nope", 'error gathering device information while adding custom device "/dev/nope": no such file or directory'],
  ["/etc/passwd", 'error gathering device information while adding custom device "/etc/passwd": not a device node'],
])("%s is refused", (path, message) => expect(() => ask(path)).toThrow(new Error(message)));
