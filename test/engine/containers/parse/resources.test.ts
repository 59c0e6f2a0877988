/** Sizes, CPUs, memory and devices, with docker 28.2.2's results and errors. */
import { expect, test } from "bun:test";
import { checkCpus, checkCpuset, parseCpuList, parseCpus } from "../../../../src/engine/containers/parse/cpus.ts";
import { parseDevice } from "../../../../src/engine/containers/parse/device.ts";
import { checkMemory, effectiveSwap, parseSwap } from "../../../../src/engine/containers/parse/memory.ts";
import { parseInteger, parseSize } from "../../../../src/engine/containers/parse/numbers.ts";

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
  ["vendor.com/class=x", "vendor.com/class=x: CDI devices are not supported"],
])("--device %s is refused", (text, message) => expect(() => parseDevice(text)).toThrow(new Error(message)));

test("integers", () => {
  expect(parseInteger("-5")).toBe(-5);
  expect(() => parseInteger("99999999999999999999")).toThrow("value out of range");
});
