/** Resources and annotations as systemd's properties; names of units; where the managers listen. */
import { describe, expect, test } from "bun:test";
import { deviceList } from "../../../src/runtime/cgroup/devices.ts";
import { planCgroup } from "../../../src/runtime/cgroup/plan.ts";
import { systemAddresses, unixSockets, userAddresses } from "../../../src/runtime/systemd/address.ts";
import { annotatedProperties, parseVariant } from "../../../src/runtime/systemd/annotations.ts";
import { deviceProperties, driverOf } from "../../../src/runtime/systemd/devices.ts";
import { leaveToSystemd } from "../../../src/runtime/systemd/host.ts";
import { INFINITY, type Property, resourceProperties } from "../../../src/runtime/systemd/properties.ts";
import { outerId } from "../../../src/runtime/systemd/self.ts";
import { isSlice, parseUnit, slicePath } from "../../../src/runtime/systemd/unit.ts";
import { variant } from "../../../src/runtime/systemd/wire.ts";
import type { Resources } from "../../../src/spec/runtime.ts";
import { v2Host } from "../cgroup/hosts.ts";

/** Name to value, with the type in front. */
const plain = (properties: readonly Property[]) =>
  Object.fromEntries(
    properties.map(([name, { signature, value }]) => [name, `${signature} ${value instanceof Uint8Array ? [...value] : value}`]),
  );
const v2 = (resources: Resources, version = 252) => plain(resourceProperties(resources, { cgroup: 2, version }));
const v1 = (resources: Resources, version = 252) => plain(resourceProperties(resources, { cgroup: 1, version }));
const max = `t ${INFINITY}`;

describe("resources", () => {
  test("of cgroup v2", () => {
    expect(v2({ memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 }, pids: { limit: 20 }, cpu: { shares: 1024 } })).toEqual({
      MemoryMax: `t ${64 << 20}`,
      MemoryLow: `t ${32 << 20}`,
      MemorySwapMax: `t ${32 << 20}`,
      TasksMax: "t 20",
      CPUWeight: "t 100",
    });
    expect(v2({ memory: { limit: -1, swap: -1 }, pids: { limit: -1 } })).toEqual({ MemoryMax: max, MemorySwapMax: max, TasksMax: max });
    expect(v2({ memory: { limit: 1 << 20, swap: 1 << 20 } }).MemorySwapMax).toBe("t 0");
    expect(v2({ memory: {}, cpu: {}, pids: { limit: 0 } })).toEqual({});
  });

  test("a quota in steps of 10 ms a second, rounded up; its period since systemd 242", () => {
    expect(v2({ cpu: { quota: 50_000, period: 100_000 } })).toEqual({ CPUQuotaPeriodUSec: "t 100000", CPUQuotaPerSecUSec: "t 500000" });
    expect(v2({ cpu: { quota: 12_345 } })).toEqual({ CPUQuotaPerSecUSec: "t 130000" });
    expect(v2({ cpu: { quota: 50_000, period: 100_000 } }, 239)).toEqual({ CPUQuotaPerSecUSec: "t 500000" });
    expect(v2({ cpu: { quota: -1 } })).toEqual({ CPUQuotaPerSecUSec: max });
  });

  test("CPUs and memory nodes as bits, since systemd 244", () => {
    expect(v2({ cpu: { cpus: "0-2,9", mems: "1" } })).toEqual({
      AllowedCPUs: "ay 7,2,0,0,0,0,0,0",
      AllowedMemoryNodes: "ay 2,0,0,0,0,0,0,0",
    });
    expect(v2({ cpu: { cpus: "0" } }, 243)).toEqual({});
    expect(() => v2({ cpu: { cpus: "x" } })).toThrow('AllowedCPUs: "x" is not a list of numbers');
  });

  test("an idle weight since systemd 252; before, the shares count", () => {
    expect(v2({ cpu: { idle: 1, shares: 1024 } })).toEqual({ CPUWeight: "t 0" });
    expect(v2({ cpu: { idle: 1, shares: 1024 } }, 251)).toEqual({ CPUWeight: "t 100" });
  });

  test("unified files that systemd has properties for; they come last, and others are files alone", () => {
    const unified = { "memory.high": "1000", "pids.max": "max", "cpu.max": "max 50000", "cpuset.cpus": "1", "io.weight": "default 10" };
    expect(v2({ pids: { limit: 5 }, unified })).toEqual({
      MemoryHigh: "t 1000",
      TasksMax: max,
      CPUQuotaPeriodUSec: "t 50000",
      CPUQuotaPerSecUSec: max,
      AllowedCPUs: "ay 2,0,0,0,0,0,0,0",
    });
    expect(() => v2({ unified: { "memory.max": "12k" } })).toThrow('resources.unified: "12k" is no value for memory.max');
  });

  test("of cgroup v1", () => {
    expect(v1({ memory: { limit: 5, swap: 9 }, cpu: { shares: 512, cpus: "0" }, pids: { limit: 7 }, blockIO: { weight: 300 } })).toEqual({
      MemoryLimit: "t 5",
      CPUShares: "t 512",
      BlockIOWeight: "t 300",
      TasksMax: "t 7",
    });
  });
});

describe("annotations", () => {
  test("values in GVariant's text format", () => {
    const cases: [string, ReturnType<typeof variant>][] = [
      ["'a b'", variant("s", "a b")],
      ['"it\\"s \\u00e4\\n"', variant("s", 'it"s ä\n')],
      ["true", variant("b", true)],
      ["-5", variant("i", -5)],
      ["uint64 0x10", variant("t", 16n)],
      ["byte 7", variant("y", 7)],
      ["@t 18446744073709551615", variant("t", INFINITY)],
      ["1.5", variant("d", 1.5)],
      ["double 2", variant("d", 2)],
      ["['a.service', 'b.service']", variant("as", ["a.service", "b.service"])],
      ["@as []", variant("as", [])],
      ["[uint32 1, 2]", variant("au", [1, 2])],
      ["[[1], [2, 3]]", variant("aai", [[1], [2, 3]])],
    ];
    for (const [text, value] of cases) expect(parseVariant(text, "X")).toEqual(value);
    for (const wrong of ["", "'a", "[]", "[1, 'a']", "uint64 -1", "byte 256", "@s 5", "5 6", "[1 2]", "maybe", "uint32 1.5"])
      expect(() => parseVariant(wrong, "X")).toThrow(`annotation org.systemd.property.X: "${wrong}" is not a value of GVariant`);
  });

  test("properties by name; seconds become microseconds", () => {
    const annotations = {
      "org.systemd.property.TimeoutStopSec": "uint64 123",
      "org.systemd.property.CollectMode": "'inactive-or-failed'",
      "org.example.other": "x",
    };
    expect(plain(annotatedProperties(annotations))).toEqual({ TimeoutStopUSec: "t 123000000", CollectMode: "s inactive-or-failed" });
    expect(plain(annotatedProperties({ "org.systemd.property.TimeoutStopUSec": "uint64 5" }))).toEqual({ TimeoutStopUSec: "t 5" });
    expect(annotatedProperties(undefined)).toEqual([]);
    expect(() => annotatedProperties({ "org.systemd.property.A=b": "1" })).toThrow('"A=b" is not the name of a property');
    expect(() => annotatedProperties({ "org.systemd.property.TimeoutStopSec": "'x'" })).toThrow("is no number of seconds");
  });
});

describe("units", () => {
  test("a slice lies in the slices that its name names", () => {
    expect(slicePath("system.slice")).toBe("/system.slice");
    expect(slicePath("a-b-c.slice")).toBe("/a.slice/a-b.slice/a-b-c.slice");
    expect(slicePath("-.slice")).toBe("");
    for (const wrong of ["a", "a--b.slice", "-a.slice", "a-.slice", ".slice", "a/b.slice", "a b.slice"]) {
      expect(isSlice(wrong)).toBe(false);
      expect(() => slicePath(wrong)).toThrow(`"${wrong}" is not the name of a slice of systemd`);
    }
  });

  test("cgroupsPath as slice, prefix and name", () => {
    expect(parseUnit("my.slice:cri:abc", "id", false)).toEqual({ slice: "my.slice", scope: "cri-abc.scope" });
    expect(parseUnit(undefined, "id", false)).toEqual({ slice: "system.slice", scope: "hoy-id.scope" });
    expect(parseUnit("::x", "id", true)).toEqual({ slice: "user.slice", scope: "x.scope" });
    expect(() => parseUnit("/a/b", "id", false)).toThrow(
      'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/b"',
    );
    expect(() => parseUnit("a.slice:b:c.slice", "id", false)).toThrow("only scopes can be made");
    expect(() => parseUnit("a.slice:b:c/d", "id", false)).toThrow('"b-c/d.scope" is not the name of a unit');
  });
});

describe("addresses", () => {
  test("of an environment variable", () => {
    expect(unixSockets("unix:path=/run/user/5/bus,guid=12;tcp:host=x;unix:abstract=/tmp/a%2cb;unix:dir=/x")).toEqual([
      "/run/user/5/bus",
      "\0/tmp/a,b",
    ]);
    expect(unixSockets("")).toEqual([]);
  });

  test("root's private socket comes before the bus; a user's are in the run folder", () => {
    expect(systemAddresses({}).map(({ path }) => path)).toEqual(["/run/systemd/private", "/run/dbus/system_bus_socket"]);
    const user = userAddresses({ XDG_RUNTIME_DIR: "/r", DBUS_SESSION_BUS_ADDRESS: "unix:path=/b" }, 7);
    expect(user.map(({ path, direct }) => `${path} ${direct}`)).toEqual([
      ...["/r/systemd/private true", "/run/user/7/systemd/private true", "/b false", "/r/bus false", "/run/user/7/bus false"],
    ]);
  });

  test("our id on the host, from the map of the namespace", () => {
    expect(outerId("         0          0 4294967295\n", 0)).toBe(0);
    expect(outerId("0 1000 1\n1 100000 65536\n", 0)).toBe(1000);
    expect(outerId("0 1000 1\n1 100000 65536\n", 33)).toBe(100032);
  });
});

describe("devices", () => {
  const devices = "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n";

  test("a list of what is allowed, with drivers by name", () => {
    expect(driverOf(devices, "c", 136)).toBe("pts");
    expect(driverOf(devices, "b", 1)).toBeUndefined();
    const properties = deviceProperties(
      deviceList([
        { allow: false, access: "rwm" },
        { allow: true, type: "b", major: 8, access: "r" },
      ]),
      devices,
    );
    expect(properties[0]).toEqual(["DevicePolicy", variant("s", "strict")]);
    expect(properties[1]?.[1].value).toEqual([
      ...[
        ["block-sd", "r"],
        ["char-*", "m"],
        ["block-*", "m"],
        ["/dev/char/1:3", "rwm"],
        ["/dev/char/1:5", "rwm"],
      ],
      ...[
        ["/dev/char/1:7", "rwm"],
        ["/dev/char/1:8", "rwm"],
        ["/dev/char/1:9", "rwm"],
        ["/dev/char/5:0", "rwm"],
      ],
      ...[
        ["/dev/char/5:1", "rwm"],
        ["/dev/char/5:2", "rwm"],
        ["char-pts", "rwm"],
      ],
    ]);
  });

  test("everything, or a list with exceptions, is no business of systemd's", () => {
    expect(deviceProperties(deviceList([{ allow: true, access: "rwm" }]), devices)).toEqual([]);
    expect(deviceProperties(deviceList([{ allow: false, type: "c", major: 1, minor: 3, access: "w" }]), devices)).toEqual([]);
  });
});

describe("what is systemd's to hand down", () => {
  const request = { parent: "/system.slice", id: "x.scope", rootless: false, resources: { memory: { limit: 5 }, hugepageLimits: [] } };
  const enabled = (plan: ReturnType<typeof planCgroup>) =>
    [...plan.prepare, ...plan.monitor.shared.flatMap(({ prepare }) => prepare), ...(plan.above ?? []).flatMap(({ prepare }) => prepare)]
      .flatMap((step) => (step.kind === "enable" ? [`${step.path} ${step.controllers}`] : []))
      .sort();

  test("is left to it above the scope, and ours inside", () => {
    expect(enabled(planCgroup(v2Host, request)).length).toBeGreaterThan(0);
    expect(enabled(leaveToSystemd(planCgroup(v2Host, request), undefined))).toEqual([]);
    const inside = planCgroup(v2Host, { ...request, parent: "/system.slice/x.scope", store: "hoy0", id: "payload" });
    const folder = "/sys/fs/cgroup/system.slice/x.scope";
    expect(new Set(enabled(leaveToSystemd(inside, folder)).map((line) => line.split(" ")[0]))).toEqual(
      new Set([`${folder}/cgroup.subtree_control`]),
    );
  });

  test("but for controllers that it does not know", () => {
    const resources = { hugepageLimits: [{ pageSize: "2MB", limit: 5 }] };
    const host = { ...v2Host, v2: { ...(v2Host.v2 as NonNullable<typeof v2Host.v2>), controllers: ["memory", "hugetlb"] } };
    expect(enabled(leaveToSystemd(planCgroup(host, { ...request, resources }), undefined))).toEqual([
      "/sys/fs/cgroup/cgroup.subtree_control hugetlb",
      "/sys/fs/cgroup/system.slice/cgroup.subtree_control hugetlb",
    ]);
  });
});
