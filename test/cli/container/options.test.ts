/** Flags → options; the expected values are what docker 28.2.2 sent to its daemon for the same command line. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunFlags, readRunFlags } from "../../../src/cli/container/options.ts";
import { defaultConfig, defaultHostConfig } from "../../../src/engine/containers/options.ts";

const read = (flags: RunFlags, words: readonly string[] = ["busybox"]) =>
  readRunFlags(flags, { words, cwd: "/work", lookup: (name) => ({ HOSTVAR: "hv" })[name] });

test("no flags", () => {
  expect(read({}, ["busybox", "ls", "-l"])).toEqual({
    options: {
      config: { ...defaultConfig(), Cmd: ["ls", "-l"], Image: "busybox" },
      hostConfig: { ...defaultHostConfig(), OomKillDisable: false },
      mounts: [],
    },
    image: "busybox",
    name: undefined,
    pull: "missing",
    cidfile: undefined,
    detach: false,
    detachKeys: Uint8Array.of(16, 17),
    sigProxy: true,
  });
});

test("the container's own part", () => {
  const { config } = read({
    interactive: true,
    tty: true,
    hostname: "h",
    user: "1000:1000",
    env: ["A=1", "HOSTVAR", "NOSUCH"],
    workdir: "/w",
    entrypoint: "",
    label: ["a=1", "a=2", "b"],
    "stop-signal": "SIGQUIT",
    "stop-timeout": "-1",
    volume: ["/anon"],
  }).options;
  expect(config).toEqual({
    ...defaultConfig(),
    AttachStdin: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: true,
    Hostname: "h",
    User: "1000:1000",
    Env: ["A=1", "HOSTVAR=hv", "NOSUCH"],
    WorkingDir: "/w",
    Entrypoint: [""],
    Labels: { a: "2", b: "" },
    StopSignal: "SIGQUIT",
    StopTimeout: -1,
    Volumes: { "/anon": {} },
    Image: "busybox",
  });
});

test("the host's part", () => {
  const { hostConfig } = read({
    rm: true,
    cidfile: "/c",
    "cap-add": ["net_admin", "CAP_SYS_ADMIN"],
    "cap-drop": ["all"],
    privileged: true,
    "read-only": true,
    "security-opt": ["no-new-privileges", "seccomp=unconfined"],
    "group-add": ["audio", "5"],
    device: ["/dev/fuse:r"],
    "shm-size": "1m",
    memory: "64m",
    "memory-swap": "-1",
    cpus: "1.5",
    "cpu-shares": "512",
    "cpuset-cpus": "0",
    "pids-limit": "100",
    ulimit: ["nofile=1", "nofile=2", "core=0"],
    network: ["none"],
    dns: ["1.1.1.1"],
    "dns-option": ["ndots:1"],
    "dns-search": ["example.com"],
    "add-host": ["a=::1"],
    volume: ["./x:/y:ro"],
    mount: ["type=tmpfs,dst=/t"],
    tmpfs: ["/u:size=1m"],
    "log-driver": "json-file",
    "log-opt": ["max-size=1m"],
    init: true,
    "memory-reservation": "32m",
    "memory-swappiness": "0",
    "oom-kill-disable": true,
    "oom-score-adj": "-5",
    "cpu-period": "50000",
    "cpu-quota": "-1",
    "cpu-rt-period": "2000",
    "cpu-rt-runtime": "1000",
    "cpuset-mems": "0",
    "blkio-weight": "300",
    "blkio-weight-device": ["/dev/sda:200"],
    "device-read-bps": ["/dev/sda:1k"],
    "device-write-bps": ["/dev/sda:2k"],
    "device-read-iops": ["/dev/sda:3"],
    "device-write-iops": ["/dev/sda:4"],
    "device-cgroup-rule": ["c 1:11 r"],
    "cgroup-parent": "/mine",
    cgroupns: "private",
    ipc: "shareable",
    pid: "host",
    uts: "host",
    userns: "host",
    isolation: "default",
    sysctl: ["net.x=1", "net.x=2"],
  }).options;
  expect(hostConfig).toEqual({
    ...defaultHostConfig(),
    AutoRemove: true,
    ContainerIDFile: "/c",
    CapAdd: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
    CapDrop: ["ALL"],
    Privileged: true,
    ReadonlyRootfs: true,
    SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
    GroupAdd: ["audio", "5"],
    Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "r" }],
    ShmSize: 1 << 20,
    Memory: 64 << 20,
    MemorySwap: -1,
    NanoCpus: 15e8,
    CpuShares: 512,
    CpusetCpus: "0",
    PidsLimit: 100,
    Ulimits: [
      { Name: "nofile", Hard: 2, Soft: 2 },
      { Name: "core", Hard: 0, Soft: 0 },
    ],
    NetworkMode: "none",
    Dns: ["1.1.1.1"],
    DnsOptions: ["ndots:1"],
    DnsSearch: ["example.com"],
    ExtraHosts: ["a:::1"],
    Binds: ["/work/x:/y:ro"],
    Mounts: [{ Type: "tmpfs", Target: "/t" }],
    Tmpfs: { "/u": "size=1m" },
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    Init: true,
    MemoryReservation: 32 << 20,
    MemorySwappiness: 0,
    OomKillDisable: true,
    OomScoreAdj: -5,
    CpuPeriod: 50_000,
    CpuQuota: -1,
    CpuRealtimePeriod: 2000,
    CpuRealtimeRuntime: 1000,
    CpusetMems: "0",
    BlkioWeight: 300,
    BlkioWeightDevice: [{ Path: "/dev/sda", Weight: 200 }],
    BlkioDeviceReadBps: [{ Path: "/dev/sda", Rate: 1024 }],
    BlkioDeviceWriteBps: [{ Path: "/dev/sda", Rate: 2048 }],
    BlkioDeviceReadIOps: [{ Path: "/dev/sda", Rate: 3 }],
    BlkioDeviceWriteIOps: [{ Path: "/dev/sda", Rate: 4 }],
    DeviceCgroupRules: ["c 1:11 r"],
    CgroupParent: "/mine",
    CgroupnsMode: "private",
    IpcMode: "shareable",
    PidMode: "host",
    UTSMode: "host",
    UsernsMode: "host",
    Isolation: "default",
    Sysctls: { "net.x": "2" },
  });
});

test("systempaths=unconfined is no security option of the container, but empty lists of paths", () => {
  const { hostConfig } = read({ "security-opt": ["systempaths=unconfined", "label=disable"] }).options;
  expect(hostConfig).toMatchObject({ SecurityOpt: ["label=disable"], MaskedPaths: [], ReadonlyPaths: [] });
});

test("--rootfs leaves all words to the command", () => {
  const { options, image } = read({ rootfs: "img" }, ["sh", "-c", "id"]);
  expect(image).toBeUndefined();
  expect(options.rootfs).toBe("/work/img");
  expect(options.config.Cmd).toEqual(["sh", "-c", "id"]);
  expect(options.config.Image).toBe("/work/img");
});

test("variables of files stand before those of flags", () => {
  const folder = mkdtempSync(join(tmpdir(), "hoy-flags-"));
  try {
    writeFileSync(join(folder, "e"), "A=2\nHOSTVAR\n");
    writeFileSync(join(folder, "l"), "x=1\ny\n");
    const flags = { env: ["A=3"], "env-file": [join(folder, "e")], "label-file": [join(folder, "l")], label: ["x=2"] };
    const { config } = read(flags).options;
    expect(config.Env).toEqual(["A=2", "HOSTVAR=hv", "A=3"]);
    expect(config.Labels).toEqual({ x: "2", y: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("detached containers have no streams", () => {
  const { options, detach } = read({ detach: true, interactive: true });
  expect(detach).toBe(true);
  expect(options.config).toMatchObject({ AttachStdin: false, AttachStdout: false, AttachStderr: false, OpenStdin: true, StdinOnce: false });
});

test.each<[RunFlags, string]>([
  [{ cpus: "x" }, 'invalid argument "x" for "--cpus" flag: failed to parse x as a rational number'],
  [{ memory: "-1" }, `invalid argument "-1" for "-m, --memory" flag: invalid size: '-1'`],
  [{ "cpu-shares": "x" }, 'invalid argument "x" for "-c, --cpu-shares" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  [{ env: ["=x"] }, 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x'],
  [{ label: ["=b"] }, `invalid argument "=b" for "-l, --label" flag: invalid label '=b': empty name`],
  [{ attach: ["foo"] }, 'invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR'],
  [{ dns: ["foo"] }, 'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo'],
  [{ mount: ["dst"] }, `invalid argument "dst" for "--mount" flag: invalid field 'dst' must be a key=value pair`],
  [{ "add-host": ["a"] }, 'invalid argument "a" for "--add-host" flag: bad format for add-host: "a"'],
  [{ ulimit: ["foo=1"] }, 'invalid argument "foo=1" for "--ulimit" flag: invalid ulimit type: foo'],
  [{ "stop-signal": "foo" }, "invalid signal: foo"],
  [{ attach: ["stdout"], detach: true }, "conflicting options: cannot specify both --attach and --detach"],
  [{ "env-file": ["/nope"] }, "open /nope: no such file or directory"],
  [{ pull: "foo" }, `invalid pull option: 'foo': must be one of "always", "missing" or "never"`],
])("%j is refused", (flags, message) => expect(() => read(flags)).toThrow(new Error(message)));
