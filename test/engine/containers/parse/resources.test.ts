/** Sizes, CPUs, memory and devices, with docker 28.2.2's results and errors. */
import { describe, expect, test } from "bun:test";
import { parseBpsDevice, parseIopsDevice, parseWeightDevice } from "../../../../src/engine/containers/parse/block-device.ts";
import {
  checkCpus,
  checkCpuset,
  checkCpuTimes,
  checkMemset,
  parseCpuList,
  parseCpus,
} from "../../../../src/engine/containers/parse/cpus.ts";
import { parseDevice } from "../../../../src/engine/containers/parse/device.ts";
import { deviceRule, parseDeviceRule } from "../../../../src/engine/containers/parse/device-rule.ts";
import {
  checkMemory,
  checkReservation,
  effectiveSwap,
  parseSwap,
  parseSwappiness,
} from "../../../../src/engine/containers/parse/memory.ts";
import { parseInteger, parseSize, parseUint16 } from "../../../../src/engine/containers/parse/numbers.ts";

test.each([
  ["100", 100],
  ["4b", 4],
  ["1m", 1048576],
  ["1.5g", 1610612736],
  ["1GB", 1073741824],
  ["1gib", 1073741824],
  ["10MB", 10485760],
  ["1 g", 1073741824],
  ["0", 0],
  [".5k", 512],
])("size %s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

test.each([
  ["-1", "invalid size: '-1'"],
  ["x", "invalid size: 'x'"],
  ["", "invalid size: ''"],
  ["1kk", "invalid suffix: 'kk'"],
  ["1bb", "invalid suffix: 'bb'"],
  ["1.2.3", "invalid size: '1.2.3'"],
  ["9999999p", "invalid size: '9999999p': it is too large"],
])("size %s is refused", (text, message) => expect(() => parseSize(text)).toThrow(new Error(message)));

test.each([
  ["1", 1e9],
  ["0.5", 5e8],
  [".5", 5e8],
  ["1.5", 15e8],
  ["0.1", 1e8],
  ["0.29", 29e7],
  ["0", 0],
  ["0.0", 0],
  ["-1", -1e9],
  ["1e3", 1e12],
  ["1/4", 25e7],
  ["0.000000001", 1],
])("--cpus %s", (text, nano) => expect(parseCpus(text)).toBe(nano));

test.each([
  ["x", "failed to parse x as a rational number"],
  ["", "failed to parse  as a rational number"],
  [".", "failed to parse . as a rational number"],
  ["1/0", "failed to parse 1/0 as a rational number"],
  ["0.0000000001", "value is too precise"],
  ["1.0000000001", "value is too precise"],
])("--cpus %s is refused", (text, message) => expect(() => parseCpus(text)).toThrow(new Error(message)));

test("CPUs beyond the host's", () => {
  const message = "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available";
  for (const nano of [-1e9, 1, 2e9 + 1]) expect(() => checkCpus(nano, 2)).toThrow(new Error(message));
  for (const nano of [0, 1e7, 2e9]) expect(() => checkCpus(nano, 2)).not.toThrow();
});

test("lists of CPUs", () => {
  expect([...(parseCpuList("0-2,4") ?? [])]).toEqual([0, 1, 2, 4]);
  for (const text of ["x", "1-", "2-1", ",", "0-99999"]) expect(parseCpuList(text)).toBeUndefined();
  expect(() => checkCpuset("x", "0-1")).toThrow(new Error("Invalid value x for cpuset cpus"));
  expect(() => checkCpuset("1-2", "0-1\n")).toThrow(new Error("Requested CPUs are not available - requested 1-2, available: 0-1"));
  expect(() => checkCpuset("0,1", "0-1")).not.toThrow();
});

test("memory and swap", () => {
  const M = 1 << 20;
  expect(() => checkMemory(6 * M - 1, 0)).toThrow(new Error("Minimum memory limit allowed is 6MB"));
  expect(() => checkMemory(100 * M, 50 * M)).toThrow(new Error("Minimum memoryswap limit should be larger than memory limit, see usage"));
  expect(() => checkMemory(0, M)).toThrow(new Error("You should always set the Memory limit when using Memoryswap limit, see usage"));
  for (const [memory, swap] of [
    [0, 0],
    [0, -1],
    [6 * M, 0],
    [6 * M, -1],
    [6 * M, 6 * M],
  ] as const)
    expect(() => checkMemory(memory, swap)).not.toThrow();
  expect(effectiveSwap(M, 0)).toBe(2 * M);
  expect(effectiveSwap(M, -1)).toBe(-1);
  expect(effectiveSwap(0, 0)).toBe(0);
  expect(parseSwap("-1")).toBe(-1);
  expect(parseSwap("1g")).toBe(1 << 30);
});

const device = (PathOnHost: string, PathInContainer = PathOnHost, CgroupPermissions = "rwm") => ({
  PathOnHost,
  PathInContainer,
  CgroupPermissions,
});

test.each([
  ["/a", device("/a")],
  ["/a:/b", device("/a", "/b")],
  ["/a:rw", device("/a", "/a", "rw")],
  ["/a:/b:r", device("/a", "/b", "r")],
])("--device %s", (text, mapping) => expect(parseDevice(text)).toEqual(mapping));

test.each([
  ["", "bad format for path: "],
  [":", "bad format for path: :"],
  ["/a:/b:rw:x", "bad format for path: /a:/b:rw:x"],
  ["a", "a is not an absolute path"],
  ["/a:", " is not an absolute path"],
  ["/a:/b:x", "bad mode specified: x"],
  ["/a:/b:rr", "bad mode specified: rr"],
])("--device %s is refused", (text, message) => expect(() => parseDevice(text)).toThrow(new Error(message)));

test("integers", () => {
  expect(parseInteger("-5")).toBe(-5);
  expect(() => parseInteger("99999999999999999999")).toThrow("value out of range");
});

test("16 bits", () => {
  expect(parseUint16("300")).toBe(300);
  expect(() => parseUint16("-1")).toThrow(new Error('strconv.ParseUint: parsing "-1": invalid syntax'));
  expect(() => parseUint16("65536")).toThrow("value out of range");
});

test("memory nodes", () => {
  expect(() => checkMemset("0-1", "0\n")).toThrow(new Error("Requested memory nodes are not available - requested 0-1, available: 0"));
  expect(() => checkMemset("x", "0")).toThrow(new Error("Invalid value x for cpuset mems"));
});

describe("periods and quotas", () => {
  const none = { NanoCpus: 0, CpuPeriod: 0, CpuQuota: 0, CpuRealtimePeriod: 0, CpuRealtimeRuntime: 0 };
  test.each([
    [{ NanoCpus: 1, CpuPeriod: 1000 }, "conflicting options: Nano CPUs and CPU Period cannot both be set"],
    [{ NanoCpus: 1, CpuQuota: 1000 }, "conflicting options: Nano CPUs and CPU Quota cannot both be set"],
    [{ CpuPeriod: 999 }, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"],
    [{ CpuPeriod: 1_000_001 }, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"],
    [{ CpuQuota: 999 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
    [{ CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 1001 }, "cpu real-time runtime cannot be higher than cpu real-time period"],
  ])("%j is refused", (times, message) => expect(() => checkCpuTimes({ ...none, ...times })).toThrow(new Error(message)));
  test("no limit is none", () => {
    expect(() => checkCpuTimes({ ...none, CpuQuota: -1, CpuPeriod: 1000 })).not.toThrow();
  });
});

test("reservation and swappiness", () => {
  const M = 1 << 20;
  expect(() => checkReservation({ Memory: 0, MemoryReservation: M })).toThrow(new Error("Minimum memory reservation allowed is 6MB"));
  expect(() => checkReservation({ Memory: 8 * M, MemoryReservation: 9 * M })).toThrow(
    new Error("Minimum memory limit can not be less than memory reservation limit, see usage"),
  );
  expect([parseSwappiness("-1"), parseSwappiness("0"), parseSwappiness("100")]).toEqual([null, 0, 100]);
  expect(() => parseSwappiness("101")).toThrow(new Error("invalid value: 101. Valid memory swappiness range is 0-100"));
});

test("devices of block I/O", () => {
  expect(parseWeightDevice("/dev/sda:10")).toEqual({ Path: "/dev/sda", Weight: 10 });
  expect(parseBpsDevice("/dev/sda:1mb")).toEqual({ Path: "/dev/sda", Rate: 1 << 20 });
  expect(parseIopsDevice("/dev/sda:1000")).toEqual({ Path: "/dev/sda", Rate: 1000 });
});

test.each([
  [parseWeightDevice, "/dev/sda", "bad format: /dev/sda"],
  [parseWeightDevice, "sda:10", "bad format for device path: sda:10"],
  [parseWeightDevice, "/dev/sda:9", "invalid weight for device: /dev/sda:9"],
  [parseWeightDevice, "/dev/sda:x", "invalid weight for device: /dev/sda:x"],
  [
    parseBpsDevice,
    "/dev/sda:-1",
    "invalid rate for device: /dev/sda:-1. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb",
  ],
  [
    parseIopsDevice,
    "/dev/sda:1mb",
    "invalid rate for device: /dev/sda:1mb. The correct format is <device-path>:<number>. Number must be a positive integer",
  ],
] as const)("%p refuses %s", (parse, text, message) => expect(() => parse(text)).toThrow(new Error(message)));

test("rules on devices", () => {
  expect(parseDeviceRule("c 1:* rwm")).toBe("c 1:* rwm");
  expect(deviceRule("b *:7 r")).toEqual({ allow: true, type: "b", major: -1, minor: 7, access: "r" });
  for (const text of ["c 1:1", "x 1:1 r", "c 1 r", "c 1:1 x"])
    expect(() => parseDeviceRule(text)).toThrow(new Error(`invalid device cgroup format '${text}'`));
});
