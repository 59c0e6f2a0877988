/** AppArmor profiles, on a kernel that has it (a virtual machine in .ci/run): the default one, others, none, and one that is not there. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeProfile } from "../../src/runtime/apparmor/policy.ts";
import { testBundle } from "../harness/bundle.ts";
import { OciBundle } from "../harness/oci.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";

const root = each([ROOT], "busybox", "apparmor");
const bundles = requires("root", "namespaces", "busybox", "apparmor");

const POLICY = "/sys/kernel/security/apparmor";
const CURRENT = ["cat", "/proc/self/attr/current"];
const DEFAULT = "docker-default (enforce)";
/** Nothing but the profile stands in the way. */
const OPEN = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"];

const profiles = (): string[] => readFileSync(`${POLICY}/profiles`, "utf8").split("\n").filter(Boolean);
const run = (store: TestStore, flags: readonly string[], ...command: string[]) =>
  store.hoy(["run", "--rm", "--network", "none", ...flags, "--rootfs", store.rootfs, ...command]);
const option = (profile: string): string[] => ["--security-opt", `apparmor=${profile}`];

/** A profile of the test's own under which all is allowed but to write to /etc. Gone with the scope. */
function loadProfile(name: string): Disposable {
  const all = "/[^\\x00]*";
  const everything = 0x7f | 0x200 | ((0x7f | 0x200) << 14);
  const write = 0xa | (0xa << 14);
  const files = [
    { expression: all, permissions: everything },
    { expression: "/etc/[^\\x00]*", permissions: write, deny: true },
  ];
  writeFileSync(`${POLICY}/.replace`, encodeProfile({ name, files, others: [{ expression: "\\x63", permissions: 1 }] }));
  return { [Symbol.dispose]: () => writeFileSync(`${POLICY}/.remove`, name) };
}

root("every container runs under docker-default, which hoy loads where it is not there", async (store) => {
  for (const flags of [[], ["--init"], ["-u", "1000"], ["--security-opt", "no-new-privileges"], ["-t"], ["--pid", "host"]]) {
    const { code, stdout, stderr } = await run(store, flags, ...CURRENT);
    expect([flags, code, stdout.trim(), stderr]).toEqual([flags, 0, DEFAULT, ""]);
  }
  expect(profiles().filter((line) => line === DEFAULT)).toHaveLength(1);
  expect(JSON.parse(await store.ok(["info", "--format", "json"])).SecurityOptions).toContain("name=apparmor");
});

each(
  [ROOT],
  "busybox",
  "apparmor",
  "no-docker-default",
)("a profile of the name that is loaded already is used as it is", async (store) => {
  using _ = loadProfile("docker-default");
  expect(await store.ok(["run", "--rm", "--network", "none", ...OPEN, "--rootfs", store.rootfs, "mount", "-t", "tmpfs", "x", "/tmp"])).toBe(
    "",
  );
  const { code, stderr } = await run(store, [], "touch", "/etc/new");
  expect([code, stderr]).toEqual([1, expect.stringContaining("Permission denied")]);
});

root("docker-default refuses mounts and what belongs to the host, whatever else is open", async (store) => {
  const attempt = async (flags: string[], command: string) => (await run(store, [...OPEN, ...flags], "sh", "-c", command)).code;
  const refused = [
    "mount -t tmpfs none /tmp",
    "mount -o remount,rw /proc",
    "echo h > /proc/sysrq-trigger",
    "echo 60 > /proc/sys/vm/swappiness",
    "cat /proc/kcore | head -c 1 | grep -q .",
    "ls /sys/kernel/security/apparmor",
    "echo 0 > /sys/kernel/mm/ksm/run",
  ];
  for (const command of refused) expect([command, (await attempt([], command)) === 0]).toEqual([command, false]);
  for (const command of ["umount /dev/shm", "echo 1000 > /proc/self/oom_score_adj", "mkdir /etc/x && ln /etc/passwd /etc/x/p", "kill -0 1"])
    expect([command, await attempt([], command)]).toEqual([command, 0]);
  expect(await attempt(option("unconfined"), "mount -t tmpfs none /tmp && echo 60 > /proc/sys/vm/swappiness")).toBe(0);
});

root("apparmor=unconfined and --privileged: no profile", async (store) => {
  for (const flags of [option("unconfined"), ["--security-opt", "apparmor:unconfined"], ["--privileged"]])
    expect([flags, (await run(store, flags, ...CURRENT)).stdout.trim()]).toEqual([flags, "unconfined"]);
  expect((await run(store, ["--privileged", ...option("docker-default")], ...CURRENT)).stdout.trim()).toBe(DEFAULT);
});

root("exec runs under the container's profile, also with --privileged", async (store) => {
  using _ = loadProfile("hoy-test-own");
  for (const [flags, profile] of [
    [[], DEFAULT],
    [["--init"], DEFAULT],
    [option("hoy-test-own"), "hoy-test-own (enforce)"],
    [option("unconfined"), "unconfined"],
  ] as const) {
    const id = await store.ok(["run", "-d", "--network", "none", ...flags, "--rootfs", store.rootfs, "sleep", "60"]);
    for (const words of [[], ["--privileged"], ...(flags.length === 0 ? [["-t"], ["-u", "1000"]] : [])])
      expect([flags, words, (await store.ok(["exec", ...words, id, ...CURRENT])).trim()]).toEqual([flags, words, profile]);
    // with --init, the first process is hoy's own: it is confined as well
    expect((await store.ok(["exec", id, "cat", "/proc/1/attr/current"])).trim()).toBe(profile);
    expect(await store.ok(["inspect", "--format", "{{.AppArmorProfile}}", id])).toBe(profile.replace(" (enforce)", ""));
    expect((await store.hoy(["stop", "-t", "1", id])).code).toBe(0);
    await store.ok(["rm", id]);
  }
});

root("processes of a container signal each other, hoy stops them, and none signals a stranger", async (store) => {
  const script = "sleep 100 & kill $!; wait $!; echo $?";
  expect((await run(store, [], "sh", "-c", script)).stdout).toBe("143\n");
  const { stdout, code } = await run(store, ["--pid", "host", "--cap-add", "ALL"], "kill", "-CONT", String(process.pid));
  expect([code, stdout]).toEqual([1, ""]);
});

root("a profile of one's own", async (store) => {
  using _ = loadProfile("hoy-test-own");
  const { stdout } = await run(
    store,
    option("hoy-test-own"),
    "sh",
    "-c",
    "cat /proc/self/attr/current; touch /etc/x || touch /x && echo ok",
  );
  expect(stdout).toBe("hoy-test-own (enforce)\nok\n");
  expect((await run(store, ["--init", ...option("hoy-test-own")], ...CURRENT)).stdout).toBe("hoy-test-own (enforce)\n");
});

root("a profile that is not loaded", async (store) => {
  for (const flags of [[], ["--init"]]) {
    const { code, stdout, stderr } = await run(store, [...flags, ...option("nobody-has-it")], "true");
    expect([code, stdout]).toEqual([125, ""]);
    expect(stderr).toMatch(/^hoy: the AppArmor profile nobody-has-it is not loaded\n.*apparmor_parser -r.*\n$/);
  }
  expect(await store.ok(["ps", "-aq"])).toBe("");
});

root("exec after the profile was unloaded", async (store) => {
  const own = loadProfile("hoy-test-gone");
  const id = await store.ok(["run", "-d", "--network", "none", ...option("hoy-test-gone"), "--rootfs", store.rootfs, "sleep", "60"]);
  own[Symbol.dispose]();
  const { code, stderr } = await store.hoy(["exec", id, "true"]);
  expect([code, stderr]).toEqual([125, expect.stringContaining("hoy: the AppArmor profile hoy-test-gone is not loaded")]);
  await store.ok(["rm", "-f", id]);
});

each(
  [ROOTLESS],
  "busybox",
  "apparmor",
)("an ordinary user's containers have no profile, unless one is asked for that is loaded", async (store) => {
  expect((await run(store, [], ...CURRENT)).stdout.trim()).toBe("unconfined");
  using _ = loadProfile("hoy-test-own");
  expect((await run(store, option("hoy-test-own"), ...CURRENT)).stdout.trim()).toBe("hoy-test-own (enforce)");
  expect((await run(store, ["--pid", "host", ...option("hoy-test-own")], ...CURRENT)).stdout.trim()).toBe("hoy-test-own (enforce)");
  expect((await run(store, option("nobody-has-it"), "true")).stderr).toContain("the AppArmor profile nobody-has-it is not loaded");
});

each(
  [ROOT, ROOTLESS],
  "busybox",
  "no-apparmor",
)("a profile where the kernel has no AppArmor", async (store) => {
  const { code, stderr } = await run(store, option("docker-default"), "true");
  expect([code, stderr]).toEqual([
    125,
    expect.stringContaining("--security-opt apparmor=docker-default: this kernel runs without AppArmor"),
  ]);
  expect(await store.ok(["ps", "-aq"])).toBe("");
  expect((await run(store, option("unconfined"), "true")).code).toBe(0);
  const id = await store.ok(["create", "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(await store.ok(["inspect", "--format", "[{{.AppArmorProfile}}]", id])).toBe("[]");
  await store.ok(["rm", id]);
});

bundles("hoy runtime: process.apparmorProfile for run, create and exec", async () => {
  using _ = loadProfile("hoy-test-own");
  await using bundle = await testBundle();
  const confine = (profile: string, ...args: string[]) => bundle.configure(args, ({ process }) => void (process.apparmorProfile = profile));
  for (const [profile, seen] of [
    ["hoy-test-own", "hoy-test-own (enforce)"],
    ["unconfined", "unconfined"],
  ] as const) {
    confine(profile, ...CURRENT);
    expect(await bundle.ok(["run", "c"])).toBe(seen);
    confine(profile, "sleep", "60");
    await bundle.ok(["run", "-d", "c"]);
    expect(await bundle.ok(["exec", "c", ...CURRENT])).toBe(seen);
    expect(await bundle.ok(["exec", "--apparmor", "hoy-test-own", "c", ...CURRENT])).toBe("hoy-test-own (enforce)");
    await bundle.ok(["delete", "--force", "c"]);
  }
  bundle.configure(["sh", "-c", "cat /proc/self/attr/current > /seen; sleep 60"], ({ process, linux }) => {
    process.apparmorProfile = "hoy-test-own";
    linux.namespaces?.push({ type: "user" });
    linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
  });
  await bundle.ok(["create", "c"]);
  await bundle.ok(["start", "c"]);
  expect(await bundle.ok(["exec", "c", ...CURRENT])).toBe("hoy-test-own (enforce)");
  expect(readFileSync(join(bundle.rootfs, "seen"), "utf8").trim()).toBe("hoy-test-own (enforce)");
  await bundle.ok(["delete", "--force", "c"]);
  confine("nobody-has-it", "true");
  const { code, stderr } = await bundle.runtime(["run", "c"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("the AppArmor profile nobody-has-it is not loaded")]);
  expect(await bundle.ok(["list", "-q"])).toBe("");
});

bundles("hoy runtime: nothing that the image has for /proc stands in for the file that is written", async () => {
  using _ = loadProfile("hoy-test-own");
  await using bundle = new OciBundle();
  bundle.configure(CURRENT, (spec) => {
    spec.process.apparmorProfile = "hoy-test-own";
    // a /proc of the image's own: an empty file system would take the write and set nothing (CVE-2019-19921)
    spec.mounts = spec.mounts.map((mount) => (mount.destination === "/proc" ? { ...mount, type: "tmpfs", source: "tmpfs" } : mount));
  });
  const { code, stderr } = await bundle.runtime(["run", "c"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("a mount on /proc has to be a proc file system")]);
  bundle.configure(["cat", "/other/self/attr/current"], (spec) => {
    spec.process.apparmorProfile = "hoy-test-own";
    spec.linux.maskedPaths = [];
    spec.linux.readonlyPaths = [];
    spec.mounts = [{ destination: "/other", type: "proc", source: "proc", options: [] }];
  });
  expect(await bundle.ok(["run", "c"])).toBe("hoy-test-own (enforce)");
});
