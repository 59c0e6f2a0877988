/** The smaller flags: tmpfs, security, logging, hosts, DNS, network, streams, keys, names, platform. */
import { describe, expect, test } from "bun:test";
import { parseAttach, streams } from "../../../../src/engine/containers/parse/attach.ts";
import { parseDetachKeys } from "../../../../src/engine/containers/parse/detach-keys.ts";
import { parseDns, parseDnsOption, parseDnsSearch } from "../../../../src/engine/containers/parse/dns.ts";
import { parseExtraHost } from "../../../../src/engine/containers/parse/extra-host.ts";
import { parseHostname } from "../../../../src/engine/containers/parse/hostname.ts";
import { logLimits, parseLogging } from "../../../../src/engine/containers/parse/log-opt.ts";
import {
  containerOf,
  parseCgroupnsMode,
  parseIpcMode,
  parseIsolation,
  parsePidMode,
  parseUtsMode,
} from "../../../../src/engine/containers/parse/modes.ts";
import { parseNetworks } from "../../../../src/engine/containers/parse/network.ts";
import { parsePlatform, parsePullPolicy } from "../../../../src/engine/containers/parse/platform.ts";
import { parseSecurityOpt, securityOptions } from "../../../../src/engine/containers/parse/security-opt.ts";
import { checkSysctls, parseSysctl } from "../../../../src/engine/containers/parse/sysctl.ts";
import { mergeTmpfsOptions, parseTmpfs } from "../../../../src/engine/containers/parse/tmpfs.ts";

const refuses = (parse: (text: string) => unknown, table: readonly (readonly [string, string])[]) =>
  test.each(table)("refuses %j", (text, message) => expect(() => parse(text)).toThrow(new Error(message)));

describe("--tmpfs", () => {
  test.each([
    ["/a", ["/a", ""]],
    ["/a:size=1m,noexec", ["/a", "size=1m,noexec"]],
    ["/a:", ["/a", ""]],
  ] as const)("%s", (text, result) => expect(parseTmpfs(text)).toEqual([...result]));
  refuses(parseTmpfs, [
    ["a", "invalid mount path: 'a' mount path must be absolute"],
    ["/", "invalid specification: destination can't be '/'"],
    ["/a:foo", 'invalid tmpfs option "foo"'],
    ["/a:foo=1", 'invalid tmpfs option "foo=1"'],
    ["/a:lowerdir=/x", 'invalid tmpfs option "lowerdir=/x"'],
    ["/a:constructor", 'invalid tmpfs option "constructor"'],
    ["/a:remount", 'invalid tmpfs option "remount"'],
  ]);
  test("later options overrule Docker's", () =>
    expect(mergeTmpfsOptions(["exec", "size=1m", "size=2m", "rw", "ro", "shared"])).toEqual([
      "nosuid",
      "nodev",
      "exec",
      "size=2m",
      "ro",
      "shared",
    ]));
});

describe("--security-opt", () => {
  const files: Record<string, string> = { ok: '{ "defaultAction": "SCMP_ACT_ALLOW" }', bad: "{" };
  const parse = (text: string) =>
    parseSecurityOpt(text, (path) => {
      if (files[path] === undefined) throw new Error(`open ${path}: no such file or directory`);
      return new TextEncoder().encode(files[path]);
    });
  test.each([
    ["no-new-privileges", "no-new-privileges"],
    ["no-new-privileges:true", "no-new-privileges=true"],
    ["no-new-privileges=false", "no-new-privileges=false"],
    ["seccomp:unconfined", "seccomp=unconfined"],
    ["seccomp=ok", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'],
    ["apparmor=unconfined", "apparmor=unconfined"],
    ["apparmor:my-profile", "apparmor=my-profile"],
    ["label:disable", "label=disable"],
    ["label:type:svirt_apache_t", "label=type:svirt_apache_t"],
    ["label=level:s0:c100,c200", "label=level:s0:c100,c200"],
    ["systempaths:unconfined", "systempaths=unconfined"],
    ["writable-cgroups=true", "writable-cgroups=true"],
  ])("%s", (text, result) => expect(parse(text)).toBe(result));
  refuses(parse, [
    ["", 'Invalid --security-opt: ""'],
    ["foo", 'Invalid --security-opt: "foo"'],
    ["seccomp", 'Invalid --security-opt: "seccomp"'],
    ["seccomp=/nope", "opening seccomp profile (/nope) failed: open /nope: no such file or directory"],
    ["foo=bar", 'invalid --security-opt 2: "foo=bar"'],
    ["no-new-privileges:x", 'invalid --security-opt 2: "no-new-privileges=x"'],
    ["writable-cgroups=x", 'invalid --security-opt 2: "writable-cgroups=x"'],
    ["systempaths=x", 'invalid --security-opt 2: "systempaths=x"'],
    [
      "label=typo:x",
      `bad label option "typo:x", valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value`,
    ],
    [
      "label=nested",
      `bad label option "nested", valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value`,
    ],
  ]);
  test("a broken profile", () => expect(() => parse("seccomp=bad")).toThrow("compacting json for seccomp profile (bad) failed"));
  test("the last one counts", () => {
    expect(securityOptions([])).toEqual({ noNewPrivileges: false, seccomp: "default", appArmor: "", labels: [] });
    expect(securityOptions(["apparmor=a", "apparmor=b"]).appArmor).toBe("b");
    expect(securityOptions(["no-new-privileges", "seccomp=unconfined", "seccomp=builtin"])).toEqual({
      noNewPrivileges: true,
      seccomp: "default",
      appArmor: "",
      labels: [],
    });
  });
});

describe("--log-opt", () => {
  test("options and their meaning", () => {
    expect(parseLogging("", [])).toEqual({ Type: "json-file", Config: {} });
    expect(parseLogging("json-file", ["max-size=10m", "max-file=3"])).toEqual({
      Type: "json-file",
      Config: { "max-size": "10m", "max-file": "3" },
    });
    expect(logLimits({ "max-size": "10m", "max-file": "3" })).toEqual({ maxSize: 10485760, maxFiles: 3 });
    expect(logLimits({})).toEqual({ maxSize: -1, maxFiles: 1 });
  });
  refuses(
    (text) => parseLogging("json-file", text.split(" ")),
    [
      ["foo=bar", "unknown log opt 'foo' for json-file log driver"],
      ["max-size=x", "invalid size: 'x'"],
      ["max-size=0", "max-size must be a positive number"],
      ["max-file=3", "max-file cannot be used without max-size"],
      ["max-size=1m max-file=0", "max-file cannot be less than 1"],
    ],
  );
  test("drivers", () => {
    expect(() => parseLogging("foo", [])).toThrow(new Error("logger: no log driver named 'foo' is registered"));
    expect(() => parseLogging("none", ["max-size=1m"])).toThrow(new Error("invalid logging opts for driver none"));
    expect(parseLogging("none", [])).toEqual({ Type: "none", Config: {} });
  });
});

describe("--add-host", () => {
  test.each([
    ["a:1.2.3.4", "a:1.2.3.4"],
    ["a=1.2.3.4", "a:1.2.3.4"],
    ["a=::1", "a:::1"],
    ["a:::1", "a:::1"],
    ["a=[::1]", "a:::1"],
    ["a=host-gateway", "a:host-gateway"],
  ])("%s", (text, result) => expect(parseExtraHost(text)).toBe(result));
  refuses(parseExtraHost, [
    ["a", 'bad format for add-host: "a"'],
    ["", 'bad format for add-host: ""'],
    [":1.2.3.4", 'bad format for add-host: ":1.2.3.4"'],
    ["a:", 'invalid IP address in add-host: ""'],
    ["a:1.2.3", 'invalid IP address in add-host: "1.2.3"'],
    ["a\nb:1.2.3.4", 'bad format for add-host: "a\\nb:1.2.3.4"'],
  ]);
});

describe("--dns", () => {
  test("addresses, domains, options", () => {
    expect(parseDns("8.8.8.8")).toBe("8.8.8.8");
    expect(parseDns("::1")).toBe("::1");
    expect(parseDnsSearch(".")).toBe(".");
    expect(parseDnsSearch("a_b.example.com")).toBe("a_b.example.com");
    expect(parseDnsOption("ndots:1")).toBe("ndots:1");
  });
  refuses(parseDns, [
    ["foo", "IP address is not correctly formatted: foo"],
    ["", "IP address is not correctly formatted: "],
  ]);
  refuses(parseDnsSearch, [
    ["", " is not a valid domain"],
    ["a b", "a b is not a valid domain"],
    ["-foo", "-foo is not a valid domain"],
  ]);
  refuses(parseDnsOption, [["x\nnameserver 1.2.3.4", 'invalid DNS option: "x\\nnameserver 1.2.3.4"']]);
});

describe("--network", () => {
  test.each([
    ["default", "bridge"],
    ["bridge", "bridge"],
    ["host", "host"],
    ["none", "none"],
    ["name=host", "host"],
  ])("%s", (text, result) => expect(parseNetworks([text])).toBe(result));
  refuses(
    (text) => parseNetworks([text]),
    [
      ["", "no name set for network"],
      ["foo", "network foo not found"],
      ["container:", "invalid network mode: invalid container format container:<name|id>"],
      ["name=bridge,alias=a", "--network name=bridge,alias=a: options of an endpoint are not supported"],
    ],
  );
  test("several are refused, none is the bridge", () => {
    expect(parseNetworks([])).toBe("bridge");
    expect(() => parseNetworks(["bridge", "default"])).toThrow('network "bridge" is specified multiple times');
    expect(() => parseNetworks(["none", "host"])).toThrow(
      "--network none, --network host: a container in several networks is not supported by this version of hoy",
    );
  });
});

describe("streams", () => {
  test("as docker 28.2.2 sends them", () => {
    const of = (attach: string[], interactive = false, detach = false) => {
      const s = streams(attach, interactive, detach);
      return [s.AttachStdin, s.AttachStdout, s.AttachStderr, s.OpenStdin, s.StdinOnce].map(Number).join("");
    };
    expect(of([])).toBe("01100");
    expect(of([], true)).toBe("11111");
    expect(of(["stdin"])).toBe("10000");
    expect(of(["stdout"])).toBe("01000");
    expect(of(["stdout"], true)).toBe("11011");
    expect(of([], true, true)).toBe("00010");
  });
  test("-a with -d", () =>
    expect(() => streams(["stdout"], false, true)).toThrow("conflicting options: cannot specify both --attach and --detach"));
  test("names", () => {
    expect(parseAttach("STDIN")).toBe("stdin");
    expect(() => parseAttach("foo")).toThrow("valid streams are STDIN, STDOUT and STDERR");
  });
});

describe("--detach-keys", () => {
  test.each([
    ["ctrl-p,ctrl-q", [16, 17]],
    ["ctrl-a,a", [1, 97]],
    ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
    ["DEL", [127]],
    ["", []],
  ])("%s", (text, bytes) => expect([...parseDetachKeys(text)]).toEqual(bytes));
  refuses(parseDetachKeys, [
    ["foo,bar", "invalid detach keys (foo,bar): Unknown character: 'foo'"],
    ["ctrl-A", "invalid detach keys (ctrl-A): Unknown character: 'ctrl-A'"],
    ["a,,b", "invalid detach keys (a,,b): Unknown character: ''"],
  ]);
});

describe("-h, --platform, --pull", () => {
  test.each(["abc", "a_b", "a.b.c", "", "x".repeat(63)])("hostname %j", (text) => expect(parseHostname(text)).toBe(text));
  refuses(parseHostname, [
    ["a b", 'invalid hostname: "a b"'],
    ["-x", 'invalid hostname: "-x"'],
    ["x".repeat(65), `invalid hostname: "${"x".repeat(65)}"`],
  ]);
  test("others", () => {
    expect(parsePlatform("linux/arm64/v8")).toBe("linux/arm64/v8");
    expect(() => parsePlatform("a//b")).toThrow('error parsing specified platform: "a//b"');
    expect(parsePullPolicy("")).toBe("missing");
    expect(() => parsePullPolicy("foo")).toThrow('invalid pull option: \'foo\': must be one of "always", "missing" or "never"');
  });
});

describe("modes of namespaces", () => {
  test("what there is", () => {
    for (const mode of ["", "none", "private", "shareable", "host", "container:a"]) expect(parseIpcMode(mode)).toBe(mode);
    for (const mode of ["", "host", "container:a"]) expect(parsePidMode(mode)).toBe(mode);
    for (const mode of ["", "host", "private"] as const) expect(parseCgroupnsMode(mode)).toBe(mode);
    expect([parseUtsMode("host"), parseIsolation("Default")]).toEqual(["host", "Default"]);
    expect([containerOf("container:a"), containerOf("host"), containerOf("container:")]).toEqual(["a", undefined, ""]);
  });
  test.each([
    [parsePidMode, "private", "--pid: invalid PID mode"],
    [parsePidMode, "container:", "--pid: invalid PID mode"],
    [parseIpcMode, "container:", "invalid IPC mode: container:"],
    [parseUtsMode, "private", "--uts: invalid UTS mode"],
    [parseCgroupnsMode, "x", "--cgroupns: invalid CGROUP mode"],
    [parseIsolation, "process", "invalid isolation: \"process\" - linux only supports 'default'"],
  ] as const)("%p refuses %s", (parse, text, message) => expect(() => parse(text)).toThrow(new Error(message)));
});

describe("--sysctl", () => {
  test.each([
    ["net.ipv4.ip_forward=1", ["net.ipv4.ip_forward", "1"]],
    ["kernel.sem=1 2 3 4", ["kernel.sem", "1 2 3 4"]],
    ["fs.mqueue.msg_max=", ["fs.mqueue.msg_max", ""]],
  ] as const)("%s", (text, result) => expect(parseSysctl(text)).toEqual([...result]));
  refuses(parseSysctl, [
    ["net.ipv4.ip_forward", "sysctl 'net.ipv4.ip_forward' is not allowed"],
    ["vm.swappiness=1", "sysctl 'vm.swappiness=1' is not allowed"],
    ["kernel.hostname=x", "sysctl 'kernel.hostname=x' is not allowed"],
    ["net.x/../../kernel/core_pattern=x", "sysctl 'net.x/../../kernel/core_pattern=x' is not allowed"],
  ]);
  test("nothing is set for the whole host", () => {
    const sysctls = { "net.ipv4.ip_forward": "1", "kernel.sem": "1" };
    expect(() => checkSysctls(sysctls, { network: false, ipc: false })).not.toThrow();
    expect(() => checkSysctls(sysctls, { network: true, ipc: false })).toThrow(
      new Error('sysctl "net.ipv4.ip_forward" not allowed in host network namespace'),
    );
    expect(() => checkSysctls(sysctls, { network: false, ipc: true })).toThrow(
      new Error('sysctl "kernel.sem" is not allowed in the hosts ipc namespace'),
    );
  });
});
