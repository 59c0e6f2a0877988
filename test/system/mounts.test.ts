/** -v, --mount, --tmpfs, --read-only, --shm-size; and that a container over a folder never changes it. */
import { expect } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { runProbe } from "./run-probe.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const sh = (store: TestStore, flags: readonly string[], script: string): string[] => [
  "run",
  "--rm",
  "--network",
  "none",
  ...flags,
  "--rootfs",
  store.rootfs,
  "sh",
  "-c",
  script,
];

/** A folder of the store's user, with a file `kept` in it. */
function folder(store: TestStore, name = "shared"): string {
  const path = join(store.dir, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "kept"), "host\n");
  if (store.user) for (const file of [path, join(path, "kept")]) chownSync(file, store.user.uid, store.user.gid);
  return path;
}

all("the folder below --rootfs stays as it was", async (store) => {
  const script = "echo x > /etc/new; rm /bin/wc; echo changed > /etc/passwd; mkdir /d; ls /etc/new";
  expect(await store.ok(sh(store, [], script))).toBe("/etc/new");
  const root = store.rootfs;
  expect([existsSync(join(root, "etc/new")), existsSync(join(root, "d")), readdirSync(join(root, "bin")).includes("wc")]).toEqual([
    false,
    false,
    true,
  ]);
  expect(readFileSync(join(root, "etc/passwd"), "utf8")).toStartWith("root:");
});

all("-v binds a folder for reading and writing", async (store) => {
  const path = folder(store);
  expect(await store.ok(sh(store, ["-v", `${path}:/data`], "cat /data/kept; echo container > /data/made"))).toBe("host");
  expect(readFileSync(join(path, "made"), "utf8")).toBe("container\n");
});

all("-v …:ro and --mount …,readonly refuse writing", async (store) => {
  const path = folder(store);
  for (const flags of [
    ["-v", `${path}:/data:ro`],
    ["--mount", `type=bind,source=${path},target=/data,readonly`],
  ]) {
    const { code, stderr } = await store.hoy(sh(store, flags, "echo no > /data/kept"));
    expect(code).not.toBe(0);
    expect(stderr).toContain("Read-only file system");
  }
  expect(readFileSync(join(path, "kept"), "utf8")).toBe("host\n");
});

all("-v makes a missing source, --mount does not", async (store) => {
  const path = folder(store);
  await store.ok(sh(store, ["-v", `${path}/new/one:/data`], "true"));
  expect(existsSync(join(path, "new/one"))).toBe(true);
  const { code, stderr } = await store.hoy(sh(store, ["--mount", `type=bind,src=${path}/none,dst=/data`], "true"));
  expect([code, existsSync(join(path, "none"))]).toEqual([125, false]);
  expect(stderr).toContain(`${path}/none`);
});

all("a mount below a link in the root file system stays inside (CVE-2021-30465)", async (store) => {
  const root = join(store.dir, "rootfs");
  const path = folder(store);
  mkdirSync(root);
  for (const name of ["bin", "proc", "dev", "sys", "etc"]) folderOrBusybox(store, root, name);
  symlinkSync(path, join(root, "link"));
  const { code } = await store.hoy([
    "run",
    "--rm",
    "--network",
    "none",
    "-v",
    `${path}:/link/inner`,
    "--rootfs",
    root,
    "/bin/busybox",
    "true",
  ]);
  expect(existsSync(join(path, "inner"))).toBe(false);
  expect([0, 125, 126, 127]).toContain(code);
});

function folderOrBusybox(store: TestStore, root: string, name: string): void {
  mkdirSync(join(root, name));
  if (name === "bin") writeFileSync(join(root, "bin/busybox"), readFileSync(join(store.rootfs, "bin/busybox")), { mode: 0o755 });
}

all("--tmpfs with options", async (store) => {
  const { mounts } = await runProbe(store, ["--tmpfs", "/scratch:size=1m,mode=1770"], { calls: [] });
  const mount = mounts.find(({ point }) => point === "/scratch");
  expect([mount?.type, mount?.options.has("size=1024k"), mount?.options.has("mode=1770")]).toEqual(["tmpfs", true, true]);
  for (const flag of ["noexec", "nosuid", "nodev"]) expect([flag, mount?.options.has(flag)]).toEqual([flag, true]);
});

all("--read-only leaves volumes and tmpfs writable", async (store) => {
  const path = folder(store);
  const flags = ["--read-only", "--tmpfs", "/tmp", "-v", `${path}:/data`];
  const { code, stdout, stderr } = await store.hoy(sh(store, flags, "echo 1 > /tmp/a && echo 1 > /data/b && echo fine; echo 1 > /etc/c"));
  expect([code === 0, stdout]).toEqual([false, "fine\n"]);
  expect(stderr).toContain("Read-only file system");
});

all("--shm-size", async (store) => {
  const size = async (...flags: string[]) => {
    const { mounts } = await runProbe(store, flags, { calls: [] });
    return [...(mounts.find(({ point }) => point === "/dev/shm")?.options ?? [])].find((option) => option.startsWith("size="));
  };
  expect(await size()).toBe("size=65536k");
  expect(await size("--shm-size", "3m")).toBe("size=3072k");
});

all("a named volume keeps its files, and takes those of the image at first", async (store) => {
  expect(await store.ok(sh(store, ["-v", "keep:/etc"], "ls /etc/group; echo 1 > /etc/mine"))).toBe("/etc/group");
  expect(await store.ok(sh(store, ["-v", "keep:/other"], "ls /other"))).toContain("mine");
});

all("files that lxcfs stands in for may be bound below /proc, and nothing else", async (store) => {
  const file = join(store.dir, "fake");
  writeFileSync(file, "faked\n");
  chmodSync(file, 0o644);
  for (const name of ["cpuinfo", "meminfo", "uptime", "sys/kernel/ns_last_pid"].filter((each) => existsSync(`/proc/${each}`)))
    expect([name, await store.ok(sh(store, ["-v", `${file}:/proc/${name}`], `exec cat /proc/${name}`))]).toEqual([name, "faked"]);
  // read-only paths cover what is bound below them, too
  const write = "echo no > /proc/sys/kernel/ns_last_pid";
  expect((await store.hoy(sh(store, ["-v", `${file}:/proc/sys/kernel/ns_last_pid`], write))).code).not.toBe(0);
  expect(readFileSync(file, "utf8")).toBe("faked\n");
  for (const name of ["version", "self/status", "sys", "cpuinfo/..", "net/dev", "1/cpuinfo"]) {
    const { code, stderr } = await store.hoy(sh(store, ["-v", `${file}:/proc/${name}`], "true"));
    expect([name, code, stderr]).toEqual([name, 125, expect.stringContaining("/proc")]);
  }
  const { code, stderr } = await store.hoy(sh(store, ["--tmpfs", "/proc/meminfo"], "true"));
  expect([code, stderr]).toEqual([125, expect.stringContaining("/proc/meminfo")]);
});

each([ROOT], "busybox")("a proc file system may be bound on /proc, and is masked as the container's own", async (store) => {
  const [own, boot] = ["/proc/1/comm", "/proc/sys/kernel/random/boot_id"].map((path) => readFileSync(path, "utf8").trim());
  const look = "cat /proc/1/comm /proc/sys/kernel/random/boot_id; wc -c </proc/keys; touch /proc/sys/kernel/hostname || echo closed";
  const stdout = await store.ok(sh(store, ["-v", "/proc:/proc"], `exec 2>&1; ${look}`));
  expect(stdout.split("\n")).toEqual([own, boot, "0", expect.stringContaining("Read-only file system"), "closed"] as string[]);
  const part = await store.hoy(sh(store, ["-v", "/proc/1:/proc"], "true"));
  expect([part.code, part.stderr]).toEqual([125, expect.stringContaining("/proc")]);
});
