import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  DEFAULT_DEVICES,
  defaultMounts,
  defaultNamespaces,
  maskedPaths,
  parseCpuList,
  READONLY_PATHS,
} from "../../src/runtime/defaults.ts";

test("parents are mounted before what lies on them", () => {
  const seen: string[] = [];
  for (const { destination } of defaultMounts()) {
    const parent = destination.slice(0, destination.lastIndexOf("/"));
    if (parent && parent !== "/sys/fs") expect(seen).toContain(parent);
    seen.push(destination);
  }
});

test("/dev/shm has the size that was asked for, 64 MiB else", () => {
  const shm = (size?: number): string[] | undefined => defaultMounts(size).find(({ destination }) => destination === "/dev/shm")?.options;
  expect(shm()).toEqual(["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]);
  expect(shm(1 << 20)).toContain("size=1048576");
});

test("what must be hidden is", () => {
  expect(maskedPaths()).toEqual(
    expect.arrayContaining(["/proc/kcore", "/proc/keys", "/proc/interrupts", "/sys/firmware", "/sys/devices/virtual/powercap"]),
  );
  expect(READONLY_PATHS).toContain("/proc/sysrq-trigger");
});

test("namespaces that the kernel has", () => {
  const types = defaultNamespaces();
  expect(types).toEqual(expect.arrayContaining(["mount", "network", "uts", "pid", "ipc"]));
  expect(types.includes("time")).toBe(existsSync("/proc/self/ns/time"));
});

test("lists of CPUs", () => {
  expect(parseCpuList("0-3,8\n")).toEqual([0, 1, 2, 3, 8]);
  expect(parseCpuList("0\n")).toEqual([0]);
  expect(parseCpuList("\n")).toEqual([]);
});

test("the devices of config-linux.md, open to all", () => {
  expect(DEFAULT_DEVICES.map(({ path, major, minor }) => `${path} ${major}:${minor}`)).toEqual([
    "/dev/null 1:3",
    "/dev/zero 1:5",
    "/dev/full 1:7",
    "/dev/random 1:8",
    "/dev/urandom 1:9",
    "/dev/tty 5:0",
  ]);
  expect(DEFAULT_DEVICES.every(({ fileMode }) => fileMode === 0o666)).toBe(true);
});
