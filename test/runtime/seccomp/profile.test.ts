import { describe, expect, test } from "bun:test";
import { DEFAULT_CAPABILITIES } from "../../../src/runtime/capabilities.ts";
import { defaultProfile } from "../../../src/runtime/seccomp/default.ts";
import { ociSeccompFor } from "../../../src/runtime/seccomp/profile.ts";
import { parseSpec } from "../../../src/spec/runtime.ts";
import { type ProfileCondition, parseSeccompProfile, type SeccompProfile } from "../../../src/spec/seccomp.ts";

const withRule = (includes?: ProfileCondition, excludes?: ProfileCondition): SeccompProfile => ({
  defaultAction: "SCMP_ACT_ERRNO",
  syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", includes, excludes }],
});

describe("conditions of a rule", () => {
  const rows: [what: string, includes: ProfileCondition | undefined, excludes: ProfileCondition | undefined, kept: boolean][] = [
    ["none", undefined, undefined, true],
    ["a capability that is there", { caps: ["CAP_CHOWN"] }, undefined, true],
    ["two capabilities, one missing", { caps: ["CAP_CHOWN", "CAP_BPF"] }, undefined, false],
    ["this architecture among others", { arches: ["s390x", "amd64"] }, undefined, true],
    ["another architecture", { arches: ["arm64"] }, undefined, false],
    ["an older kernel", { minKernel: "4.8" }, undefined, true],
    ["the very kernel", { minKernel: "5.10" }, undefined, true],
    ["a newer kernel whose number sorts before", { minKernel: "5.11" }, undefined, false],
    ["not with a capability that is there", undefined, { caps: ["CAP_BPF", "CAP_CHOWN"] }, false],
    ["not with a capability that is missing", undefined, { caps: ["CAP_BPF"] }, true],
    ["not on this architecture", undefined, { arches: ["amd64"] }, false],
    ["not on a kernel like this", undefined, { minKernel: "5.9" }, false],
  ];
  for (const [what, includes, excludes, kept] of rows) {
    test(what, () => {
      const { syscalls } = ociSeccompFor(withRule(includes, excludes), {
        capabilities: ["CAP_CHOWN"],
        arch: "amd64",
        kernel: "5.10.0-8-amd64",
      });
      expect(syscalls).toEqual(kept ? [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] : []);
    });
  }
});

test("the default profile lists the machine's architectures and passes as a spec", () => {
  const seccomp = ociSeccompFor(defaultProfile(), { capabilities: DEFAULT_CAPABILITIES, arch: "amd64", kernel: "6.1.0" });
  expect(seccomp.architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
  expect(seccomp.syscalls).toContainEqual({ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 });
  expect(parseSpec(JSON.stringify({ ociVersion: "1.3.0", linux: { seccomp } })).linux?.seccomp).toEqual(seccomp);
  const arm = ociSeccompFor(defaultProfile(), { capabilities: [], arch: "arm64", kernel: "6.1.0" });
  expect(arm.architectures).toEqual(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
});

test("a profile as moby writes it", () => {
  const profile = parseSeccompProfile(`{
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
      {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {}},
      {"name": "personality", "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]}
    ]
  }`);
  expect(ociSeccompFor(profile, { capabilities: [], arch: "amd64", kernel: "6.1" })).toEqual({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
      { names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 0xffffffffffffffffn, op: "SCMP_CMP_EQ" }] },
    ],
  });
});

describe("bad profiles", () => {
  const rows: [text: string, message: string | RegExp][] = [
    ["{", /^seccomp profile: JSON/],
    ["{}", "seccomp profile: defaultAction: is missing"],
    ['{"defaultAction": "ALLOW"}', /^seccomp profile: defaultAction: expected .*, got "ALLOW"$/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}', "seccomp profile: syscalls[0]: 'names' is missing"],
    [
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [7], "action": "SCMP_ACT_ALLOW"}]}',
      /syscalls\[0\]\.names\[0\]: expected string, got 7$/,
    ],
    [
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}]}',
      "seccomp profile: syscalls[0]: 'name' and 'names' are both given, use one of them",
    ],
    [
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}',
      /syscalls\[0\]\.args\[0\]\.index: expected <=5, got 6$/,
    ],
    [
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}]}',
      "seccomp profile: syscalls[0].includes.minKernel: must be a kernel version, as 4.8",
    ],
    [
      '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}',
      "seccomp profile: 'architectures' and 'archMap' are both given, use one of them",
    ],
  ];
  for (const [text, message] of rows) test(text, () => expect(() => parseSeccompProfile(text)).toThrow(message));
});
