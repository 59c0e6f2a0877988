import { describe, expect, test } from "bun:test";
import {
  boundingSet,
  CAPABILITIES,
  type CapabilityRequest,
  capabilityMask,
  capabilityNumber,
  DEFAULT_CAPABILITIES,
  lastCapability,
  resolveCapabilities,
} from "../../src/runtime/capabilities.ts";

const available = (1n << 41n) - 1n;
const resolve = (request: CapabilityRequest): string[] => resolveCapabilities({ available, ...request });

test("names and numbers", () => {
  expect(CAPABILITIES.length).toBe(41);
  expect(capabilityNumber("CAP_CHOWN")).toBe(0);
  expect(capabilityNumber("CAP_SYS_ADMIN")).toBe(21);
  expect(capabilityNumber("CAP_SETFCAP")).toBe(31);
  expect(capabilityNumber("CAP_CHECKPOINT_RESTORE")).toBe(40);
  expect(capabilityNumber("SYS_ADMIN")).toBeUndefined();
});

test("Docker's default set is 00000000a80425fb", () => {
  expect(capabilityMask(DEFAULT_CAPABILITIES).toString(16)).toBe("a80425fb");
  expect(resolve({})).toEqual([...DEFAULT_CAPABILITIES]);
});

test("an unknown name makes no mask", () => expect(() => capabilityMask(["CAP_FLY"])).toThrow('unknown capability: "CAP_FLY"'));

test("this kernel", () => {
  expect(lastCapability()).toBeGreaterThanOrEqual(37);
  expect(boundingSet() >> BigInt(lastCapability() + 1)).toBe(0n);
});

describe("resolveCapabilities", () => {
  const without = (...names: string[]): string[] => DEFAULT_CAPABILITIES.filter((name) => !names.includes(name));
  const rows: [what: string, request: CapabilityRequest, wanted: string[]][] = [
    [
      "add, in any case, with and without CAP_",
      { add: ["net_admin", "CAP_SYS_TIME"] },
      [...DEFAULT_CAPABILITIES, "CAP_NET_ADMIN", "CAP_SYS_TIME"],
    ],
    ["add what is there", { add: ["CHOWN"] }, [...DEFAULT_CAPABILITIES]],
    ["drop", { drop: ["cap_mknod", "KILL"] }, without("CAP_MKNOD", "CAP_KILL")],
    ["drop ALL", { drop: ["ALL"] }, []],
    ["drop all, add one", { drop: ["all"], add: ["NET_BIND_SERVICE"] }, ["CAP_NET_BIND_SERVICE"]],
    ["add ALL", { add: ["ALL"] }, [...CAPABILITIES]],
    ["add ALL, drop one", { add: ["ALL"], drop: ["SYS_ADMIN"] }, CAPABILITIES.filter((name) => name !== "CAP_SYS_ADMIN")],
    ["the same added and dropped", { add: ["CHOWN"], drop: ["CHOWN"] }, [...without("CAP_CHOWN"), "CAP_CHOWN"]],
    ["privileged", { privileged: true, drop: ["ALL"] }, [...CAPABILITIES]],
    ["privileged on an older kernel", { privileged: true, available: (1n << 38n) - 1n }, CAPABILITIES.slice(0, 38)],
    ["drop what the kernel lacks", { drop: ["BPF"], available: (1n << 38n) - 1n }, [...DEFAULT_CAPABILITIES]],
  ];
  for (const [what, request, wanted] of rows) test(what, () => expect(resolve(request)).toEqual(wanted));

  test("errors name the flag's field and the capability", () => {
    expect(() => resolve({ add: ["fly"] })).toThrow('invalid CapAdd: unknown capability: "CAP_FLY"');
    expect(() => resolve({ drop: ["CAP_FLY"] })).toThrow('invalid CapDrop: unknown capability: "CAP_FLY"');
    expect(() => resolve({ add: ["fly"], privileged: true })).toThrow("unknown capability");
    expect(() => resolve({ add: ["BPF"], available: (1n << 38n) - 1n })).toThrow(/not supported by your kernel.*"CAP_BPF"/);
  });
});
