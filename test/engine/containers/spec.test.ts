/** The OCI spec of whole containers as golden files, and the branches of its parts one by one. */
import { describe, expect, test } from "bun:test";
import { completeOptions } from "../../../src/engine/containers/complete.ts";
import {
  type ContainerConfig,
  type ContainerOptions,
  defaultConfig,
  defaultHostConfig,
  type HostConfig,
} from "../../../src/engine/containers/options.ts";
import { buildSpec, type SpecRequest } from "../../../src/engine/containers/spec.ts";
import { DEFAULT_CAPABILITIES } from "../../../src/runtime/capabilities.ts";
import type { Device, Mount, Spec } from "../../../src/spec/runtime.ts";
import { parseSpec } from "../../../src/spec/runtime.ts";
import { expectGolden } from "./golden.ts";

const ID = "0123456789abcdef".repeat(4);

interface Case {
  config?: Partial<ContainerConfig>;
  hostConfig?: Partial<HostConfig>;
  labels?: Pick<ContainerOptions, "processLabel" | "mountLabel">;
  more?: Partial<Omit<SpecRequest, "host">> & { host?: Partial<SpecRequest["host"]> };
}

function build({ config = {}, hostConfig = {}, labels = {}, more = {} }: Case) {
  const options = completeOptions(
    { config: { ...defaultConfig(), ...config }, hostConfig: { ...defaultHostConfig(), ...hostConfig }, mounts: [], ...labels },
    {
      id: ID,
      image: { Cmd: ["sh"], Env: ["PATH=/bin"] },
      hostHostname: "thehost",
      hostCpus: 64,
      onlineCpus: () => "0-63",
      onlineNodes: () => "0",
      cgroupVersion: 2,
    },
  );
  return buildSpec({
    options,
    id: ID,
    user: { uid: 0, gid: 0, additionalGids: [0], home: "/root", name: "root" },
    files: { hostname: "/c/hostname", hosts: "/c/hosts", resolvConf: "/c/resolv.conf" },
    mounts: options.mounts.map((mount) => ({
      ...mount,
      path: mount.type === "volume" ? `/volumes/${mount.source || "anonymous"}/_data` : mount.source,
    })),
    devices: { devices: [], rules: [] },
    deviceNumbers: () => ({ major: 8, minor: 16 }),
    rootless: false,
    cgroupPath: "/hoy0/0123456789ab/payload",
    ...more,
    host: {
      cgroupVersion: 2,
      capabilities: (1n << 41n) - 1n,
      mapsGroup: () => true,
      recursiveReadOnly: true,
      hasMessageQueues: true,
      ...more.host,
    },
  });
}

const mountOn = (spec: Spec, destination: string): Mount | undefined => spec.mounts?.find((mount) => mount.destination === destination);

/** What depends on the machine: per-CPU masks, and the time namespace of kernels since 5.6. */
function portable(spec: Spec): Spec {
  const { linux } = spec;
  return {
    ...spec,
    linux: {
      ...linux,
      ...(linux?.maskedPaths ? { maskedPaths: linux.maskedPaths.filter((path) => !path.includes("thermal_throttle")) } : {}),
      namespaces: linux?.namespaces?.filter(({ type }) => type !== "time"),
    },
  } as Spec;
}

test.each<[string, Case]>([
  ["default", {}],
  [
    "limits",
    {
      hostConfig: {
        Memory: 64 << 20,
        NanoCpus: 15e8,
        CpuShares: 512,
        CpusetCpus: "0-1",
        CpusetMems: "0",
        CpuRealtimePeriod: 2000,
        CpuRealtimeRuntime: 1000,
        PidsLimit: 100,
        MemoryReservation: 32 << 20,
        MemorySwappiness: 0,
        OomKillDisable: true,
        BlkioWeight: 300,
        BlkioWeightDevice: [{ Path: "/dev/sdb", Weight: 200 }],
        BlkioDeviceReadBps: [{ Path: "/dev/sdb", Rate: 1024 }],
        BlkioDeviceWriteIOps: [{ Path: "/dev/sdb", Rate: 4 }],
        Ulimits: [
          { Name: "nofile", Soft: 1024, Hard: 2048 },
          { Name: "core", Soft: 0, Hard: 0 },
        ],
        ShmSize: 1 << 20,
      },
    },
  ],
  [
    "mounts",
    {
      hostConfig: {
        Binds: ["/a:/deep/er/x:ro", "/b:/top", "data:/data:nocopy"],
        Mounts: [
          { Type: "bind", Source: "/c", Target: "/deep/er", BindOptions: { NonRecursive: true } },
          { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } },
        ],
        Tmpfs: { "/u": "size=1m,exec" },
      },
      config: { Volumes: { "/anon": {} } },
    },
  ],
  ["privileged", { hostConfig: { Privileged: true }, more: { devices: { devices: [], rules: [{ allow: true, access: "rwm" }] } } }],
  ["read-only", { hostConfig: { ReadonlyRootfs: true, SecurityOpt: ["no-new-privileges"], CapDrop: ["ALL"], CapAdd: ["CAP_KILL"] } }],
  [
    "user-with-terminal",
    {
      config: { Tty: true, User: "1000", WorkingDir: "/w", Env: ["A=1", "PATH", "HOSTNAME=mine"], Entrypoint: ["/e", "x"], Cmd: ["y"] },
      more: { user: { uid: 1000, gid: 1000, additionalGids: [1000, 5], home: "/home/u", name: "u" } },
    },
  ],
  ["rootless-host-network", { hostConfig: { NetworkMode: "host" }, more: { rootless: true, host: { mapsGroup: (gid) => gid === 0 } } }],
])("golden: %s", (name, given) => {
  const { spec } = build(given);
  expect(parseSpec(JSON.stringify(spec))).toEqual(JSON.parse(JSON.stringify(spec)));
  expectGolden(name, portable(spec));
});

describe("environment", () => {
  const env = (config: Partial<ContainerConfig>) => build({ config }).spec.process?.env;
  test("the image's PATH replaces the default in its place", () =>
    expect(env({})).toEqual(["PATH=/bin", "HOSTNAME=0123456789ab", "HOME=/root"]));
  test("a HOME of the user's stays, an empty one does not", () => {
    expect(env({ Env: ["HOME=/x"] })).toEqual(["PATH=/bin", "HOSTNAME=0123456789ab", "HOME=/x"]);
    expect(env({ Env: ["HOME="] })).toContain("HOME=/root");
  });
  test("a bare name unsets", () => expect(env({ Env: ["HOSTNAME"] })).toEqual(["PATH=/bin", "HOME=/root"]));
  test("the last of a name counts", () => expect(env({ Env: ["A=1", "A=2"] })).toContain("A=2"));
});

describe("capabilities", () => {
  test("root has Docker's in three sets, none inheritable or ambient", () =>
    expect(build({}).spec.process?.capabilities).toEqual({
      bounding: [...DEFAULT_CAPABILITIES],
      effective: [...DEFAULT_CAPABILITIES],
      permitted: [...DEFAULT_CAPABILITIES],
    }));
  test("another user has them in the bounding set alone", () => {
    const user = { uid: 5, gid: 5, additionalGids: [5], home: "/", name: "" };
    expect(build({ more: { user } }).spec.process?.capabilities).toEqual({ bounding: [...DEFAULT_CAPABILITIES] });
  });
});

describe("seccomp", () => {
  const seccomp = (hostConfig: Partial<HostConfig>) => build({ hostConfig }).seccomp;
  test("is chosen beside the spec", () => {
    expect(seccomp({})).toEqual({ kind: "default" });
    expect(seccomp({ SecurityOpt: ["seccomp=unconfined"] })).toEqual({ kind: "unconfined" });
    expect(seccomp({ SecurityOpt: ['seccomp={"x":1}'] })).toEqual({ kind: "profile", json: '{"x":1}' });
    expect(seccomp({ Privileged: true })).toEqual({ kind: "unconfined" });
    expect(seccomp({ Privileged: true, SecurityOpt: ['seccomp={"x":1}'] })).toEqual({ kind: "profile", json: '{"x":1}' });
    expect(build({}).spec.linux?.seccomp).toBeUndefined();
  });
});

describe("mounts", () => {
  const bind = (text: string, host: Partial<SpecRequest["host"]> = {}) =>
    mountOn(build({ hostConfig: { Binds: [text] }, more: { host } }).spec, "/x")?.options;
  test("binds", () => {
    expect(bind("/a:/x")).toEqual(["rbind", "rprivate"]);
    expect(bind("/a:/x:ro")).toEqual(["rbind", "rro", "rprivate"]);
    expect(bind("/a:/x:ro", { recursiveReadOnly: false })).toEqual(["rbind", "ro", "rprivate"]);
    expect(bind("/a:/x:rslave")).toEqual(["rbind", "rslave"]);
    expect(bind("vol:/x:ro")).toEqual(["rbind", "rro"]);
  });
  test("bind-recursive of a read-only bind", () => {
    const options = (BindOptions: object) =>
      mountOn(build({ hostConfig: { Mounts: [{ Type: "bind", Source: "/a", Target: "/x", ReadOnly: true, BindOptions }] } }).spec, "/x")
        ?.options;
    expect(options({ ReadOnlyNonRecursive: true })).toEqual(["rbind", "ro", "rprivate"]);
    expect(options({ ReadOnlyForceRecursive: true, Propagation: "rprivate" })).toEqual(["rbind", "rro", "rprivate"]);
    expect(options({ NonRecursive: true })).toEqual(["bind", "rro", "rprivate"]);
  });
  test("the root's propagation follows the widest mount", () => {
    const propagation = (...Binds: string[]) => build({ hostConfig: { Binds } }).spec.linux?.rootfsPropagation;
    expect(propagation("/a:/x")).toBeUndefined();
    expect(propagation("/a:/x:slave")).toBe("rslave");
    expect(propagation("/a:/x:rslave", "/b:/y:shared")).toBe("shared");
  });
  test("a mount of the user's replaces Docker's", () => {
    const { spec } = build({ hostConfig: { Binds: ["/dev:/dev", "/h:/etc/hosts:ro"] } });
    expect(spec.mounts?.filter(({ destination }) => destination.startsWith("/dev"))).toHaveLength(1);
    expect(spec.mounts?.filter(({ destination }) => destination === "/etc/hosts")).toEqual([
      { destination: "/etc/hosts", type: "bind", source: "/h", options: ["rbind", "rro", "rprivate"] },
    ]);
  });
  test("flags that a user namespace locks are kept", () => {
    const mounts = [
      { type: "bind", source: "/a", path: "/a", target: "/x", readOnly: true, mode: "", propagation: "", lockedFlags: ["nosuid", "ro"] },
    ] as const;
    expect(mountOn(build({ more: { mounts } }).spec, "/x")?.options).toEqual(["rbind", "rro", "rprivate", "nosuid"]);
  });
});

describe("namespaces and sysctls", () => {
  const types = (given: Case) => build(given).spec.linux?.namespaces?.map(({ type }) => type);
  test("the cgroup namespace", () => {
    expect(types({})).toContain("cgroup");
    expect(types({ hostConfig: { CgroupnsMode: "host" } })).not.toContain("cgroup");
  });
  test("the host's network", () => {
    const given = { hostConfig: { NetworkMode: "host" } };
    expect(types(given)).not.toContain("network");
    expect(build(given).spec.linux?.sysctl).toEqual({});
  });
  test("the host's and other containers'", () => {
    const host = types({ hostConfig: { PidMode: "host", IpcMode: "host", UTSMode: "host" } });
    for (const type of ["pid", "ipc", "uts"] as const) expect(host).not.toContain(type);
    const sharing = { network: "/proc/5/ns/net", ipc: "/proc/6/ns/ipc", pid: "host" };
    const { spec } = build({ hostConfig: { NetworkMode: "container:a", Sysctls: { "net.x": "1" } }, more: { sharing } });
    expect(spec.linux?.namespaces).toContainEqual({ type: "network", path: "/proc/5/ns/net" });
    expect(spec.linux?.namespaces).toContainEqual({ type: "ipc", path: "/proc/6/ns/ipc" });
    expect(spec.linux?.namespaces?.map(({ type }) => type)).not.toContain("pid");
    // What Docker sets in a network of its own was set by its owner.
    expect(spec.linux?.sysctl).toEqual({ "net.x": "1" });
    expect(() => build({ hostConfig: { Sysctls: { "net.x": "1" } }, more: { sharing: { network: "host" } } })).toThrow("host network");
  });
  test("the host's name stays", () => {
    expect(build({ hostConfig: { UTSMode: "host" } }).spec.hostname).toBeUndefined();
    expect(build({ config: { Domainname: "example.com" } }).spec.domainname).toBe("example.com");
  });
  test("ping groups cannot be set in a user namespace", () =>
    expect(build({ more: { rootless: true } }).spec.linux?.sysctl).toEqual({ "net.ipv4.ip_unprivileged_port_start": "0" }));
});

describe("shared memory", () => {
  const shm = (IpcMode: string, ipc?: string) =>
    mountOn(build({ hostConfig: { IpcMode }, more: ipc === undefined ? {} : { sharing: { ipc } } }).spec, "/dev/shm");
  test("is of whom the IPC namespace is", () => {
    expect(shm("private")?.type).toBe("tmpfs");
    expect(shm("shareable")?.type).toBe("tmpfs");
    expect(shm("none")).toBeUndefined();
    expect(shm("host")).toEqual({ destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["rbind", "rprivate"] });
    // No source: it is copied by joining the other container.
    expect(shm("container:a", "/proc/5/ns/ipc")).toEqual({ destination: "/dev/shm", type: "bind", options: ["rbind", "rprivate"] });
    expect(shm("container:a", "host")?.source).toBe("/dev/shm");
  });
});

test("profile and labels are what was found for the container", () => {
  const { spec } = build({ more: { appArmorProfile: "docker-default" } });
  expect([spec.process?.apparmorProfile, spec.process?.selinuxLabel, spec.linux?.mountLabel]).toEqual([
    "docker-default",
    undefined,
    undefined,
  ]);
  expect(build({ more: { appArmorProfile: "" } }).spec.process).not.toHaveProperty("apparmorProfile");
  const labelled = build({ labels: { processLabel: "u:r:t:s0", mountLabel: "u:o:f:s0" } }).spec;
  expect([labelled.process?.selinuxLabel, labelled.linux?.mountLabel]).toEqual(["u:r:t:s0", "u:o:f:s0"]);
});

test("paths of /proc and /sys are open, and cgroups writable, where that was asked for", () => {
  const open = build({ hostConfig: { MaskedPaths: [], ReadonlyPaths: [] } }).spec.linux;
  expect([open?.maskedPaths, open?.readonlyPaths]).toEqual([[], []]);
  const readonly = (hostConfig: Partial<HostConfig>) => mountOn(build({ hostConfig }).spec, "/sys/fs/cgroup")?.options?.includes("ro");
  expect([readonly({}), readonly({ Privileged: true })]).toEqual([true, false]);
  expect(readonly({ SecurityOpt: ["writable-cgroups=true"] })).toBe(false);
  expect(readonly({ Privileged: true, SecurityOpt: ["writable-cgroups=false"] })).toBe(true);
});

describe("rootless", () => {
  test("proc and message queues are the host's in the host's namespaces", () => {
    const more = { rootless: true };
    const { spec } = build({ hostConfig: { PidMode: "host", IpcMode: "host" }, more });
    expect(mountOn(spec, "/proc")).toEqual({
      destination: "/proc",
      type: "proc",
      source: "/proc",
      options: ["rbind", "nosuid", "noexec", "nodev"],
    });
    expect(mountOn(spec, "/dev/mqueue")?.source).toBe("/dev/mqueue");
    const none = build({ hostConfig: { IpcMode: "host" }, more: { ...more, host: { hasMessageQueues: false } } }).spec;
    expect(mountOn(none, "/dev/mqueue")).toBeUndefined();
  });
  test("sysfs is the host's only in the host's network", () => {
    expect(mountOn(build({ more: { rootless: true } }).spec, "/sys")?.type).toBe("sysfs");
    expect(mountOn(build({ hostConfig: { NetworkMode: "host" } }).spec, "/sys")?.type).toBe("sysfs");
    expect(mountOn(build({ hostConfig: { NetworkMode: "host" }, more: { rootless: true } }).spec, "/sys")).toEqual({
      destination: "/sys",
      type: "bind",
      source: "/sys",
      options: ["rbind", "nosuid", "noexec", "nodev", "rro"],
    });
  });
  test("gid=5 of the terminals goes where it is not mapped", () => {
    const options = (mapped: boolean) => mountOn(build({ more: { host: { mapsGroup: () => mapped } } }).spec, "/dev/pts")?.options;
    expect(options(true)).toContain("gid=5");
    expect(options(false)).not.toContain("gid=5");
  });
  test("the score of the OOM killer is left alone", () => {
    expect(build({}).spec.process?.oomScoreAdj).toBe(0);
    expect(build({ more: { rootless: true } }).spec.process?.oomScoreAdj).toBeUndefined();
    expect(build({ hostConfig: { OomScoreAdj: 5 }, more: { rootless: true } }).spec.process?.oomScoreAdj).toBe(5);
  });
});

test("devices of --device are allowed after Docker's own, privileged allows all", () => {
  const device = { path: "/dev/fuse", type: "c", major: 10, minor: 229 } as const;
  const rule = { allow: true, type: "c", major: 10, minor: 229, access: "rw" } as const;
  const linux = build({ more: { devices: { devices: [device], rules: [rule] } } }).spec.linux;
  expect(linux?.devices).toEqual([device]);
  expect(linux?.resources?.devices?.[0]).toEqual({ allow: false, access: "rwm" });
  expect(linux?.resources?.devices?.at(-1)).toEqual(rule);
});

test("a device under another path is a mount for an ordinary user, who can make no nodes", () => {
  const [same, other] = ["/dev/fuse", "/dev/other"].map((path) => ({ path, type: "c" as const, major: 10, minor: 229 }));
  const sources = new Map([
    ["/dev/fuse", "/dev/fuse"],
    ["/dev/other", "/dev/fuse"],
  ]);
  const devices = { devices: [same, other] as Device[], rules: [], sources };
  const rootless = build({ more: { devices, rootless: true } }).spec;
  expect(rootless.linux?.devices).toEqual([same as Device]);
  expect(mountOn(rootless, "/dev/other")).toEqual({ destination: "/dev/other", type: "bind", source: "/dev/fuse", options: ["bind"] });
  expect(mountOn(rootless, "/dev/fuse")).toBeUndefined();
  const root = build({ more: { devices } }).spec;
  expect(root.linux?.devices).toEqual([same, other] as Device[]);
  expect(mountOn(root, "/dev/other")).toBeUndefined();
});
