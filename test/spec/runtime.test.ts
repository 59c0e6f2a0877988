import { describe, expect, test } from "bun:test";
import { HoyError } from "../../src/spec/error.ts";
import { parseSpec } from "../../src/spec/runtime.ts";

/** A spec with every member that the specification knows for Linux. */
const complete = () => ({
  ociVersion: "1.3.0",
  process: {
    terminal: true,
    consoleSize: { height: 25, width: 80 },
    user: { uid: 1, gid: 2, umask: 18, additionalGids: [3] },
    args: ["sh"],
    env: ["A=b"],
    cwd: "/",
    capabilities: { bounding: ["CAP_KILL"], effective: [], inheritable: [], permitted: [], ambient: [] },
    rlimits: [{ type: "RLIMIT_CORE", hard: 2, soft: 1 }],
    noNewPrivileges: true,
    oomScoreAdj: 100,
    apparmorProfile: "a",
    selinuxLabel: "s",
    scheduler: { policy: "SCHED_DEADLINE", nice: 1, priority: 1, flags: ["SCHED_FLAG_RECLAIM"], runtime: 1, deadline: 2, period: 3 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
    execCPUAffinity: { initial: "0", final: "0-1" },
  },
  root: { path: "rootfs", readonly: true },
  hostname: "h",
  domainname: "d",
  mounts: [
    {
      destination: "/proc",
      type: "proc",
      source: "proc",
      options: ["nosuid"],
      uidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
    },
  ],
  hooks: {
    prestart: [{ path: "/h", args: ["h"], env: ["A=b"], timeout: 5 }],
    createRuntime: [{ path: "/h" }],
    createContainer: [{ path: "/h" }],
    startContainer: [{ path: "/h" }],
    poststart: [{ path: "/h" }],
    poststop: [{ path: "/h" }],
  },
  annotations: { a: "b" },
  linux: {
    uidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
    sysctl: { "net.ipv4.ip_forward": "1" },
    resources: {
      devices: [{ allow: false, type: "c", major: 1, minor: 3, access: "rwm" }],
      memory: {
        limit: 1,
        reservation: 1,
        swap: -1,
        kernel: 1,
        kernelTCP: 1,
        swappiness: 1,
        disableOOMKiller: true,
        useHierarchy: true,
        checkBeforeUpdate: true,
      },
      cpu: { shares: 1, quota: -1, burst: 1, period: 1, realtimeRuntime: 1, realtimePeriod: 1, cpus: "0", mems: "0", idle: 1 },
      pids: { limit: 5 },
      blockIO: {
        weight: 10,
        leafWeight: 10,
        weightDevice: [{ major: 8, minor: 0, weight: 10, leafWeight: 10 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 1 }],
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
      network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
      rdma: { mlx5: { hcaHandles: 1, hcaObjects: 1 } },
      unified: { "memory.high": "1" },
    },
    cgroupsPath: "/c",
    namespaces: [{ type: "network", path: "/proc/1/ns/net" }],
    devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 }],
    netDevices: { eth1: { name: "eth0" } },
    seccomp: {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 1,
      architectures: ["SCMP_ARCH_X86_64"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      listenerPath: "/s",
      listenerMetadata: "m",
      syscalls: [
        {
          names: ["read"],
          action: "SCMP_ACT_ALLOW",
          errnoRet: 1,
          args: [{ index: 0, value: 1, valueTwo: 2, op: "SCMP_CMP_MASKED_EQ" }],
        },
      ],
    },
    rootfsPropagation: "rprivate",
    maskedPaths: ["/proc/kcore"],
    readonlyPaths: ["/proc/sys"],
    mountLabel: "l",
    intelRdt: { closID: "c", schemata: ["L3:0=f"], l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20", enableMonitoring: true },
    memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] },
    personality: { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] },
    timeOffsets: { monotonic: { secs: 1, nanosecs: 2 } },
  },
});

type Path = (string | number)[];

function* leaves(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== "object" || value === null) yield path;
  else for (const [key, member] of Object.entries(value)) yield* leaves(member, [...path, Array.isArray(value) ? Number(key) : key]);
}

const written = (path: Path): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text ? `${text}.${key}` : key;
  }, "");

/** The complete spec with one member replaced. */
function spoiled(path: Path, bad: unknown): string {
  const spec = complete();
  let at: unknown = spec;
  for (const key of path.slice(0, -1)) at = Reflect.get(at as object, key);
  Reflect.set(at as object, path.at(-1) as string, bad);
  return JSON.stringify(spec);
}

test("every member is known and kept", () => {
  expect(parseSpec(JSON.stringify(complete()))).toEqual(complete() as never);
});

describe("a member of the wrong type is named", () => {
  for (const path of leaves(complete())) {
    test(written(path), () => {
      try {
        parseSpec(spoiled(path, { not: "this" }));
      } catch (error) {
        expect(error).toBeInstanceOf(HoyError);
        expect((error as Error).message).toStartWith(`config.json: ${written(path)}: expected `);
        expect((error as Error).message).toEndWith(", got an object");
        return;
      }
      throw new Error("it was accepted");
    });
  }
});

describe("bad values", () => {
  const rows: [path: Path, bad: unknown, message: string][] = [
    [["linux", "resources", "memory", "limit"], "1g", 'linux.resources.memory.limit: expected number, got "1g"'],
    [["linux", "resources", "memory", "limit"], 1.5, "linux.resources.memory.limit: expected an integer, got 1.5"],
    [["process", "user", "uid"], -1, "process.user.uid: expected >=0, got -1"],
    [["process", "user", "uid"], 2 ** 32, "process.user.uid: expected <=4294967295, got 4294967296"],
    [["process", "cwd"], "srv", "process.cwd: must be an absolute path"],
    [["process", "args", 0], "a\0b", "process.args[0]: must not contain a NUL byte"],
    [["process", "args"], [], "process.args: must not be empty"],
    [["process", "oomScoreAdj"], 1001, "process.oomScoreAdj: expected <=1000, got 1001"],
    [["process", "cwd"], undefined, "process.cwd: is missing"],
    [["root", "path"], "", "root.path: must not be empty"],
    [["ociVersion"], "2.0.0", "ociVersion: must be a version 1.x.y"],
    [["linux", "resources", "devices", 0, "access"], "rx", "linux.resources.devices[0].access: must be made of r, w and m"],
    [["linux", "sysctl", "net.ipv4.ip_forward"], 1, 'linux.sysctl["net.ipv4.ip_forward"]: expected string, got 1'],
    [["linux", "seccomp", "syscalls", 0, "args", 0, "value"], -1, "linux.seccomp.syscalls[0].args[0].value: expected >=0, got -1"],
  ];
  for (const [path, bad, message] of rows) {
    test(message, () => expect(() => parseSpec(spoiled(path, bad))).toThrow(new HoyError(`config.json: ${message}`)));
  }
});

test("each optional member may be absent or null; unknown ones are ignored", () => {
  const required = /^(ociVersion|process\.cwd|root\.path)$/;
  for (const path of leaves(complete())) {
    if (path.some((key) => typeof key === "number") || required.test(written(path))) continue;
    if (/\.(domain|class|priority|policy|uid|gid|height|width|mode)$|^linux\.seccomp\.defaultAction$/.test(written(path))) continue;
    parseSpec(spoiled(path, null));
  }
  expect(parseSpec('{"ociVersion":"1.0.2-dev","future":{"x":1},"process":{"cwd":"/","args":null,"new":1},"linux":null}')).toEqual({
    ociVersion: "1.0.2-dev",
    process: { cwd: "/", user: { uid: 0, gid: 0 } },
  });
});

test("what is no document", () => {
  expect(() => parseSpec("[]")).toThrow("config.json: ociVersion: is missing");
  expect(() => parseSpec("7")).toThrow("config.json: expected an object, got 7");
  expect(() => parseSpec("", "/b/config.json")).toThrow(/^\/b\/config\.json: /);
});
