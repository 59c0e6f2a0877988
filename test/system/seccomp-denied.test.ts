/** A seccomp profile that refuses the container's first process nearly everything: the start fails, in bounded time. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { rows, unrest } from "./rest.ts";

const ERRNO = "SCMP_ACT_ERRNO";
const ALL_BUT_START = ["prctl", "setgroups", "setresgid", "setresuid", "capset", "dup3", "close_range", "chdir", "umask", "execve"];

each([ROOT, ROOTLESS], "busybox")("a start that a profile makes impossible is an error", async (store) => {
  const profile = join(store.dir, "profile.json");
  const profiles = [
    { defaultAction: ERRNO },
    { defaultAction: ERRNO, syscalls: [{ names: ["exit_group"], action: "SCMP_ACT_ALLOW" }] },
    { defaultAction: ERRNO, syscalls: [{ names: ["exit"], action: "SCMP_ACT_ALLOW" }] },
    { defaultAction: ERRNO, syscalls: [{ names: ["write", "exit_group"], action: "SCMP_ACT_ALLOW" }] },
  ];
  for (const content of profiles) {
    writeFileSync(profile, JSON.stringify(content), { mode: 0o644 });
    for (const more of [[], ["--security-opt", "no-new-privileges"], ["-d"]]) {
      const flags = ["--rm", "--network", "none", "--security-opt", `seccomp=${profile}`, ...more];
      const { code, stdout, stderr } = await store.hoy(["run", ...flags, "--rootfs", store.rootfs, "true"]);
      expect([more, code > 124 && code < 127, stdout, stderr]).toEqual([
        more,
        true,
        "",
        expect.stringMatching(/^hoy: (cannot start|exec)/),
      ]);
      expect(stderr).not.toContain("internal error");
    }
  }
  expect(rows(store)).toEqual([]);
  expect(await unrest(store)).toEqual([]);
});

each([ROOT], "busybox")("with --init, PID 1 that may neither wait nor leave ends", async (store) => {
  const profile = join(store.dir, "profile.json");
  for (const names of [[], ALL_BUT_START, [...ALL_BUT_START, "rt_sigprocmask", "clone", "getpid", "munmap"]]) {
    writeFileSync(profile, JSON.stringify({ defaultAction: ERRNO, syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] }));
    const flags = ["--rm", "--init", "--network", "none", "--security-opt", `seccomp=${profile}`];
    const { code } = await store.hoy(["run", ...flags, "--rootfs", store.rootfs, "true"]);
    expect([names.length, code > 0]).toEqual([names.length, true]);
  }
  expect(await unrest(store)).toEqual([]);
});
