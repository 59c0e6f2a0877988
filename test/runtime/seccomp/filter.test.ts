import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { GENERATED, generate } from "../../../scripts/seccomp.ts";
import { DEFAULT_CAPABILITIES } from "../../../src/runtime/capabilities.ts";
import { compileProfile } from "../../../src/runtime/seccomp/compile.ts";
import { defaultProfile } from "../../../src/runtime/seccomp/default.ts";
import { filterFor, filterForOci, precompiledDefault } from "../../../src/runtime/seccomp/filter.ts";
import { parseSeccompProfile } from "../../../src/spec/seccomp.ts";

test("the generated module is what scripts/seccomp.ts makes today", () => {
  expect(readFileSync(GENERATED, "utf8")).toBe(generate());
});

describe("ready-made filters", () => {
  test("serve the default capabilities and none, whatever else the profile does not look at", () => {
    for (const capabilities of [
      DEFAULT_CAPABILITIES,
      [...DEFAULT_CAPABILITIES, "CAP_NET_ADMIN"],
      DEFAULT_CAPABILITIES.filter((name) => name !== "CAP_MKNOD"),
      [],
    ]) {
      expect(Buffer.from(precompiledDefault(capabilities) ?? [])).toEqual(Buffer.from(compileProfile(defaultProfile(), { capabilities })));
    }
  });

  test("do not serve a capability that opens calls", async () => {
    const capabilities = [...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"];
    expect(precompiledDefault(capabilities)).toBeUndefined();
    const filter = Buffer.from(await filterFor({ capabilities }));
    expect(filter).toEqual(Buffer.from(compileProfile(defaultProfile(), { capabilities })));
    expect(filter).not.toEqual(Buffer.from(await filterFor({ capabilities: DEFAULT_CAPABILITIES })));
  });

  test("do not serve a profile of the user's own", async () => {
    const profile = parseSeccompProfile('{"defaultAction": "SCMP_ACT_ALLOW"}');
    const own = Buffer.from(await filterFor({ capabilities: DEFAULT_CAPABILITIES, profile }));
    expect(own).toEqual(Buffer.from(await filterForOci({ defaultAction: "SCMP_ACT_ALLOW" })));
    expect(own).not.toEqual(Buffer.from(await filterFor({ capabilities: DEFAULT_CAPABILITIES })));
  });
});

// A process of its own: the filter stays until it ends. It needs no rights, only no_new_privs.
test("the kernel takes the filter and answers by it", () => {
  const script = resolve(import.meta.dir, "confined.ts");
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, script]);
  expect({ exitCode, stderr: stderr.toString(), answers: JSON.parse(stdout.toString() || "null") }).toEqual({
    exitCode: 0,
    stderr: "",
    answers: { unshare: -1, clone3: -38, mount: -1, newer: -38, alg: -1, cutAlg: -1, vsock: -1, personality: -1, getpid: true, unix: true },
  });
});
