/** The order of a process's last steps where somebody else answers its calls, read from the tape. */
import { expect, test } from "bun:test";
import { PRESERVED } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, PlayerFd, Tape } from "../../../ffi/tape.ts";
import { checkListener } from "../../../src/runtime/oci/seccomp-agent.ts";
import { seccompFlags } from "../../../src/runtime/oci/seccomp-flags.ts";
import { planProcess } from "../../../src/runtime/plan/process.ts";
import type { Seccomp } from "../../../src/spec/runtime.ts";

const NEW_LISTENER = 8;

function plan(noNewPrivileges: boolean, preserved = 0): Part {
  const part = new Part();
  planProcess(new Tape(), part, {
    process: { args: ["/x"], cwd: "/", user: { uid: 1, gid: 1 }, noNewPrivileges },
    seccomp: new Uint8Array(8),
    maySetGroups: true,
    report: PlayerFd.owner,
    preserved,
    listener: new Uint8Array([1]),
  });
  return part;
}

for (const noNewPrivileges of [false, true])
  test(`all else is closed before the filter, its descriptor handed over right after it (no_new_privs ${noNewPrivileges})`, () => {
    const { ops } = plan(noNewPrivileges, 2);
    const numbers = ops.map(({ nr }) => nr);
    const [close, load] = [numbers.indexOf(NR.close_range), numbers.indexOf(NR.seccomp)];
    expect(close).toBeGreaterThan(0);
    expect(load).toBeGreaterThan(close);
    expect(numbers[load + 1]).toBe(NR.sendmsg);
    // the report, and before it what the caller passed on
    expect([ops[close]?.args[0], ops[load]?.options.expect]).toEqual([6, 6]);
    expect(Number(ops[load]?.args[1]) & NEW_LISTENER).toBe(NEW_LISTENER);
    expect(ops.filter(({ nr, args }) => nr === NR.dup3 && Number(args[0]) >= PRESERVED).map(({ args }) => args[1])).toEqual([3, 4]);
    // ids are set by a filter that needs rights before, else after
    expect(numbers.indexOf(NR.setresuid) < load).toBe(noNewPrivileges);
  });

const seccomp: Seccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  listenerPath: "/run/agent",
  syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
};

test("what cannot work is an error", () => {
  expect(() => checkListener(seccomp)).not.toThrow();
  expect(() => checkListener(undefined)).not.toThrow();
  expect(() => checkListener({ ...seccomp, listenerPath: undefined })).toThrow("needs listenerPath");
  expect(() => checkListener({ ...seccomp, defaultAction: "SCMP_ACT_NOTIFY" })).toThrow("default action");
  expect(() => checkListener({ defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x" })).toThrow("listenerMetadata without");
});

test("flags: with a listener a thread that cannot follow is an errno; waiting killably is for listeners", () => {
  const flags = (given: Seccomp) => seccompFlags({ ociVersion: "1.3.0", linux: { seccomp: given } });
  expect(flags(seccomp)).toBeUndefined();
  expect(flags({ ...seccomp, flags: ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] })).toBe(1 | 16 | 32);
  expect(flags({ ...seccomp, syscalls: [], flags: ["SECCOMP_FILTER_FLAG_TSYNC"] })).toBe(1);
  expect(() => flags({ ...seccomp, syscalls: [], flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] })).toThrow("SCMP_ACT_NOTIFY");
});
