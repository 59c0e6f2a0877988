/** What a process that joins a container may do. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, ROOT } from "../harness/people.ts";

const root = each([ROOT], "busybox");

root("exec --privileged gives capabilities, and leaves the container's own filter in force", async (store) => {
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  const status = async (...flags: string[]) =>
    await store.ok(["exec", ...flags, id, "grep", "-E", "CapEff|CapInh|Seccomp:", "/proc/self/status"]);
  expect(await status()).toMatch(/^CapInh:\t0{16}\nCapEff:\t00000000a80425fb\nSeccomp:\t2$/);
  expect(await status("--privileged")).toMatch(/^CapInh:\t0{16}\nCapEff:\t0*1ff[0-9a-f]+\nSeccomp:\t2$/);
  expect(await status("--privileged", "-u", "5")).toMatch(/^CapInh:\t0{16}\nCapEff:\t0{16}\nSeccomp:\t2$/);
  await store.ok(["rm", "-f", id]);
});

root("a privileged container's own seccomp profile holds for exec too", async (store) => {
  const profile = join(store.dir, "profile.json");
  writeFileSync(
    profile,
    JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }] }),
  );
  const flags = ["--privileged", "--security-opt", `seccomp=${profile}`, "--network", "none"];
  const id = await store.ok(["run", "-d", ...flags, "--rootfs", store.rootfs, "sleep", "60"]);
  const { code, stderr } = await store.hoy(["exec", id, "mkdir", "/made"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("not permitted")]);
  await store.ok(["rm", "-f", id]);
});

root("exec gives a container no file and no folder of the host's as a standard stream", async (store) => {
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  const file = join(store.dir, "input");
  writeFileSync(file, "kept\n");
  const script = "read -r line; echo got $line; echo owned > /proc/self/fd/0; ls -d /proc/self/fd/0/..";
  const { stdout } = Bun.spawnSync([dist(), "exec", "-i", id, "sh", "-c", script], {
    env: cleanEnv({ HOY_ROOT: store.root }),
    stdin: Bun.file(file),
  });
  expect(stdout.toString()).toBe("got kept\n");
  expect(readFileSync(file, "utf8")).toBe("kept\n");
  await store.ok(["rm", "-f", id]);
});

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SEARCH = 10;
const SESSION = -3;
const ENOKEY = 126;

root("exec does not bring the caller's session keyring", async (store) => {
  const key = Buffer.from("hoy-test\0");
  const type = Buffer.from("user\0");
  expect(sys(NR.keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0)).toBeGreaterThan(0);
  expect(sys(NR.add_key, type, key, key, 4, SESSION)).toBeGreaterThan(0);
  const open = ["--security-opt", "seccomp=unconfined"];
  const id = await store.ok(["run", "-d", ...open, "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  const search = `call:${NR.keyctl},${KEYCTL_SEARCH},${SESSION},'user,'hoy-test,0`;
  for (const flags of [[], ["-t"]]) {
    const answer = await store.ok(["exec", ...flags, id, "/probe", search]);
    expect([flags, JSON.parse(answer)[search]]).toEqual([flags, { errno: ENOKEY }]);
  }
  await store.ok(["rm", "-f", id]);
});
