/** What create makes of the user's options, the image and the host (moby's merge and verifyContainerSettings). */
import { describe, expect, test } from "bun:test";
import { type Completion, completeOptions, type ImageDefaults, mergeImage } from "../../../src/engine/containers/complete.ts";
import {
  type ContainerConfig,
  type ContainerOptions,
  defaultConfig,
  defaultHostConfig,
  type HostConfig,
} from "../../../src/engine/containers/options.ts";

const facts = (more: Partial<Completion> = {}): Completion => ({
  id: "0123456789abcdef".repeat(4),
  image: { Cmd: ["sh"] },
  hostHostname: "thehost",
  hostCpus: 2,
  onlineCpus: () => "0-1\n",
  onlineNodes: () => "0\n",
  cgroupVersion: 2,
  ...more,
});
const options = (config: Partial<ContainerConfig> = {}, hostConfig: Partial<HostConfig> = {}): ContainerOptions => ({
  config: { ...defaultConfig(), ...config },
  hostConfig: { ...defaultHostConfig(), ...hostConfig },
  mounts: [],
});
const complete = (config: Partial<ContainerConfig> = {}, hostConfig: Partial<HostConfig> = {}, more: Partial<Completion> = {}) =>
  completeOptions(options(config, hostConfig), facts(more));

describe("entrypoint and command", () => {
  const image: ImageDefaults = { Entrypoint: ["/entry"], Cmd: ["image"] };
  test.each<[string, Partial<ContainerConfig>, string[] | null, string[] | null]>([
    ["nothing given", {}, ["/entry"], ["image"]],
    ["a command", { Cmd: ["mine"] }, ["/entry"], ["mine"]],
    ["an entrypoint drops the image's command", { Entrypoint: ["e"] }, ["e"], null],
    ["both", { Entrypoint: ["e"], Cmd: ["mine"] }, ["e"], ["mine"]],
    ["--entrypoint '' and a command", { Entrypoint: [""], Cmd: ["mine"] }, null, ["mine"]],
  ])("%s", (_, given, entrypoint, command) => {
    const { config } = complete(given, {}, { image });
    expect([config.Entrypoint, config.Cmd]).toEqual([entrypoint, command]);
  });
  test("a single word of an old image", () =>
    expect(mergeImage(defaultConfig(), { Cmd: "sh", Entrypoint: "e" })).toMatchObject({ Cmd: ["sh"], Entrypoint: ["e"] }));
  test("no command at all", () => {
    expect(() => complete({}, {}, { image: {} })).toThrow("no command specified");
    expect(() => complete({ Entrypoint: [""] }, {}, { image })).toThrow("no command specified");
    expect(() => complete({}, {}, { image: undefined })).toThrow("no command specified");
  });
});

test("the image's defaults fill what the user left open", () => {
  const image: ImageDefaults = {
    User: "1",
    Env: ["PATH=/x", "A=image", "B=image"],
    WorkingDir: "/image",
    Labels: { a: "image", b: "image" },
    Volumes: { "/v": {} },
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGQUIT",
    Healthcheck: { Test: ["CMD", "true"] },
    Shell: ["/bin/bash"],
    OnBuild: ["RUN x"],
  };
  const user = { ...defaultConfig(), Env: ["A=user", "B"], Labels: { a: "user" }, Volumes: { "/w": {} }, WorkingDir: "/user" };
  expect(mergeImage(user, image)).toMatchObject({
    User: "1",
    Env: ["A=user", "B", "PATH=/x"],
    WorkingDir: "/user",
    Labels: { a: "user", b: "image" },
    Volumes: { "/v": {}, "/w": {} },
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGQUIT",
    Healthcheck: { Test: ["CMD", "true"] },
    Shell: ["/bin/bash"],
    OnBuild: ["RUN x"],
  });
  expect(mergeImage(defaultConfig(), { Env: null, Labels: null, Volumes: null })).toEqual(defaultConfig());
});

test("the host name is the id's, the host's in its network, or the user's", () => {
  expect(complete().config.Hostname).toBe("0123456789ab");
  expect(complete({}, { NetworkMode: "host" }).config.Hostname).toBe("thehost");
  expect(complete({ Hostname: "mine" }, { NetworkMode: "host" }).config.Hostname).toBe("mine");
});

test("defaults of Docker and of the settings", () => {
  expect(complete().hostConfig).toMatchObject({
    LogConfig: { Type: "json-file", Config: {} },
    ShmSize: 64 << 20,
    CgroupnsMode: "private",
    IpcMode: "private",
    MemorySwap: 0,
    OomKillDisable: null,
    PidsLimit: null,
    Ulimits: null,
    Dns: null,
  });
  expect(complete({}, {}, { cgroupVersion: 1 }).hostConfig.CgroupnsMode).toBe("host");
  expect(complete({}, { Memory: 8 << 20, PidsLimit: 0 }).hostConfig).toMatchObject({ MemorySwap: 16 << 20, PidsLimit: null });
  expect(complete({}, { PidsLimit: -1 }).hostConfig.PidsLimit).toBeNull();
  const settings = {
    "log-opts": { "max-size": "1m", "max-file": "2" },
    "default-shm-size": "1m",
    "default-ulimits": { nofile: { Soft: 1, Hard: 2 }, core: { Soft: 0, Hard: 0 } },
    dns: ["9.9.9.9"],
    init: true,
  };
  const given = { LogConfig: { Type: "", Config: { "max-size": "3m" } }, Ulimits: [{ Name: "nofile", Soft: 5, Hard: 5 }] };
  expect(complete({}, given, { settings }).hostConfig).toMatchObject({
    LogConfig: { Type: "json-file", Config: { "max-size": "3m", "max-file": "2" } },
    ShmSize: 1 << 20,
    Ulimits: [
      { Name: "nofile", Soft: 5, Hard: 5 },
      { Name: "core", Soft: 0, Hard: 0 },
    ],
    Dns: ["9.9.9.9"],
    Init: true,
  });
  expect(complete({}, { LogConfig: { Type: "none", Config: {} } }, { settings }).hostConfig.LogConfig).toEqual({
    Type: "none",
    Config: {},
  });
});

test.each<[Partial<ContainerConfig>, Partial<HostConfig>, string]>([
  [{ WorkingDir: "rel" }, {}, "the working directory 'rel' is invalid, it needs to be an absolute path"],
  [{}, { Memory: 1 << 20 }, "Minimum memory limit allowed is 6MB"],
  [{}, { NanoCpus: 3e9 }, "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"],
  [{}, { CpusetCpus: "5" }, "Requested CPUs are not available - requested 5, available: 0-1"],
  [{}, { CpusetMems: "5" }, "Requested memory nodes are not available - requested 5, available: 0"],
  [{}, { BlkioWeight: 5 }, "range of blkio weight is from 10 to 1000"],
  [{}, { OomScoreAdj: -1001 }, "Invalid value -1001, range for oom score adj is [-1000, 1000]"],
  [{ Hostname: "x" }, { UTSMode: "host" }, "conflicting options: hostname and the UTS mode"],
  [{ Domainname: "x" }, { UTSMode: "host" }, "conflicting options: domainname and the UTS mode"],
  [{ Hostname: "x" }, { NetworkMode: "container:a" }, "conflicting options: hostname and the network mode"],
  [{}, { NetworkMode: "container:a", Dns: ["1.1.1.1"] }, "conflicting options: dns and the network mode"],
  [{}, { NetworkMode: "container:a", ExtraHosts: ["a:1.1.1.1"] }, "conflicting options: custom host-to-IP mapping and the network mode"],
  [{}, { NetworkMode: "host", Sysctls: { "net.x": "1" } }, 'sysctl "net.x" not allowed in host network namespace'],
  [{}, { CapAdd: ["CAP_FOO"] }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  [{}, { Binds: ["/a:/x"], Tmpfs: { "/x/": "" } }, "Duplicate mount point: /x"],
  [{}, { Binds: ["/a:/x", "/b:/x"] }, "Duplicate mount point: /x"],
])("%j %j is refused", (config, hostConfig, message) => expect(() => complete(config, hostConfig)).toThrow(message));

test("an anonymous volume gives way to what covers its target", () => {
  const image = { Cmd: ["sh"], Volumes: { "/a": {}, "/b/": {}, "/c": {} } };
  const { mounts } = complete({ Volumes: { "/c": {} } }, { Binds: ["/host:/a"], Tmpfs: { "/b": "" } }, { image });
  expect(mounts.map(({ type, target, anonymous = false }) => [type, target, anonymous])).toEqual([
    ["bind", "/a", false],
    ["tmpfs", "/b", false],
    ["volume", "/c", true],
  ]);
});

test("a stored container completes to itself", () => {
  const first = complete({ Env: ["A=1"] }, { Memory: 8 << 20, Binds: ["/a:/b"] });
  expect(completeOptions(JSON.parse(JSON.stringify(first)), facts())).toEqual(first);
});
