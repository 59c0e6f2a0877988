/**
 * What a test needs of the machine. `requires("root", "skopeo")("title", async () => …)` runs where all of it is there, else the
 * test is skipped, counted, with the reason in its title. Under HOY_TEST_NO_SKIP=1 (`.ci/run`, which installs the programs and is
 * root) only what the kernel lacks may skip: a missing program or missing rights fail the test.
 */
import { test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isEnabled } from "../../src/runtime/apparmor/host.ts";
import { hasSelinux, ownLabel } from "../../src/runtime/selinux/host.ts";
import { openToAll, ROOT } from "./build.ts";

/** Why something is missing, or undefined when it is there; `kernel` marks what no package and no rights can supply. */
type Probe = { readonly kernel: boolean; readonly missing: () => string | undefined };

const succeeds = (...command: string[]): boolean =>
  Bun.spawnSync(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).exitCode === 0;

const isRoot = (): boolean => process.getuid?.() === 0;
const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** `cgroup2 on /sys/fs/cgroup`, and the controllers that it has. */
const unified = (): string | undefined =>
  existsSync("/sys/fs/cgroup/cgroup.controllers") ? readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8") : undefined;

const v1 = (controller: string): boolean =>
  new RegExp(` cgroup .*\\b${controller}\\b`).test(
    readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .filter((line) => line.split(" ")[2] === "cgroup")
      .map((line) => ` cgroup ${line.split(" ")[3]}`)
      .join("\n"),
  );

/** An ELF executable without an interpreter (program header type 3, PT_INTERP). */
function isStatic(path: string): boolean {
  if (!existsSync(path)) return false;
  const elf = readFileSync(path);
  if (elf.toString("latin1", 0, 4) !== "\x7fELF") return false;
  const [headers, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(headers + index * size)).every((type) => type !== 3);
}

const controller = (name: string): Probe => ({
  kernel: true,
  missing: () => (unified()?.split(/\s+/).includes(name) || v1(name) ? undefined : `no ${name} cgroup controller`),
});

function mountsWithQuota(): boolean {
  if (!existsSync("/dev/loop-control")) return false;
  const folder = mkdtempSync(join(tmpdir(), "hoy-probe-"));
  const [image, place] = [join(folder, "image"), join(folder, "mount")];
  try {
    mkdirSync(place);
    const made = succeeds("mkfs.ext4", "-q", "-O", "project,quota", "-E", "quotatype=prjquota", image, "8M");
    return made && succeeds("mount", "-o", "loop,prjquota", image, place) && succeeds("umount", place);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PROBES = {
  /** The test runs as root and may make namespaces. */
  root: { kernel: false, missing: () => (isRoot() ? undefined : "root") },
  /** An ordinary user may make a user namespace. As root the harness makes such users, see user.ts. */
  rootless: {
    kernel: true,
    missing: () =>
      succeeds(...(isRoot() ? nobody : []), "unshare", "--user", "--map-root-user", "true")
        ? undefined
        : "user namespaces for ordinary users",
  },
  namespaces: {
    kernel: true,
    missing: () =>
      !isRoot() || succeeds("unshare", "--mount", "--pid", "--net", "--fork", "true")
        ? undefined
        : "a kernel that lets root make namespaces",
  },
  "cgroup-v2": { kernel: true, missing: () => (unified() === undefined ? "cgroup v2 on /sys/fs/cgroup" : undefined) },
  "pure-cgroup-v2": {
    kernel: true,
    missing: () => (unified() !== undefined && !/ cgroup /.test(readFileSync("/proc/mounts", "utf8")) ? undefined : "cgroup v2 alone"),
  },
  "cgroup-v1": { kernel: true, missing: () => (v1("memory") || v1("pids") ? undefined : "a cgroup v1 hierarchy") },
  /** systemd runs the cgroups, and its manager for whoever runs the tests can be asked. */
  systemd: {
    kernel: true,
    missing: () =>
      unified() !== undefined && existsSync(isRoot() ? "/run/systemd/private" : `/run/user/${process.getuid?.()}/systemd/private`)
        ? undefined
        : "systemd on cgroup v2",
  },
  "systemd-v1": {
    kernel: true,
    missing: () =>
      existsSync("/run/systemd/private") && existsSync("/sys/fs/cgroup/devices/devices.list") ? undefined : "systemd on cgroup v1",
  },
  "memory-cgroup": controller("memory"),
  "pids-cgroup": controller("pids"),
  "cpu-cgroup": controller("cpu"),
  "cpuset-cgroup": controller("cpuset"),
  /** v2 freezes without a controller. */
  freezer: {
    kernel: true,
    missing: () => (unified() !== undefined || v1("freezer") ? undefined : "a freezer for cgroups"),
  },
  nf_tables: {
    kernel: true,
    missing: () => (!isRoot() || succeeds("unshare", "--net", "nft", "list", "ruleset") ? undefined : "nf_tables"),
  },
  overlay: {
    kernel: true,
    missing: () => (readFileSync("/proc/filesystems", "utf8").includes("\toverlay") ? undefined : "overlayfs"),
  },
  /** A busybox that needs no library, as the test images' only program. */
  busybox: {
    kernel: false,
    missing: () => (["/usr/bin/busybox", "/bin/busybox"].some(isStatic) ? undefined : "a static busybox"),
  },
  /** Another user can read the sources and execute the bun of node_modules: not so below a folder of mode 0700, such as /root. */
  "open-checkout": {
    kernel: false,
    missing: () => (!isRoot() || openToAll(ROOT) ? undefined : "a checkout that other users may read"),
  },
  /** An ordinary user may open /dev/net/tun: udev makes it so, a machine without udev may not have. */
  "user-tun": {
    kernel: false,
    missing: () =>
      succeeds(...(isRoot() ? nobody : []), "test", "-r", "/dev/net/tun", "-a", "-w", "/dev/net/tun")
        ? undefined
        : "a /dev/net/tun that ordinary users may open",
  },
  /** Root may mount a file as a disk. */
  loop: {
    kernel: true,
    missing: () => (existsSync("/dev/loop-control") && existsSync("/dev/loop0") ? undefined : "loop devices"),
  },
  /** The kernel's ext4 knows project quotas (CONFIG_QFMT_V2): tried with a small disk. */
  "project-quota": { kernel: true, missing: () => (mountsWithQuota() ? undefined : "project quotas in ext4") },
  /** Profiles can be loaded: the kernel has AppArmor, and root sees its policy. */
  apparmor: {
    kernel: true,
    missing: () => (existsSync("/sys/kernel/security/apparmor/.load") ? undefined : "a kernel with AppArmor"),
  },
  "no-apparmor": { kernel: true, missing: () => (isEnabled() ? "a kernel without AppArmor" : undefined) },
  "no-resctrl": {
    kernel: true,
    missing: () => (readFileSync("/proc/mounts", "utf8").includes(" resctrl ") ? "a machine without resctrl" : undefined),
  },
  /** Nobody's: a test may put another in its place and take it away. */
  "no-docker-default": {
    kernel: true,
    missing: () =>
      existsSync("/sys/kernel/security/apparmor/.load") &&
      /^docker-default /m.test(readFileSync("/sys/kernel/security/apparmor/profiles", "utf8"))
        ? "an AppArmor in which nobody has loaded docker-default"
        : undefined,
  },
  /** The tests' own policy is loaded (test/harness/selinux): the machine is one for this alone. */
  selinux: {
    kernel: true,
    missing: () => (hasSelinux() && ownLabel().includes(":engine_t:") ? undefined : "SELinux with the tests' policy"),
  },
  "no-selinux": { kernel: true, missing: () => (hasSelinux() ? "a kernel without SELinux" : undefined) },
  /** The library that runc makes its filters with, as an oracle for ours. */
  libseccomp: {
    kernel: false,
    missing: () =>
      ["x86_64-linux-gnu", "aarch64-linux-gnu", "."].some((folder) =>
        ["/usr/lib", "/lib", "/usr/lib64"].some((lib) => existsSync(`${lib}/${folder}/libseccomp.so.2`)),
      )
        ? undefined
        : "libseccomp.so.2",
  },
  /** ps(1) of procps needs /proc/stat's btime, which User Mode Linux lacks. */
  "working-ps": { kernel: true, missing: () => (!Bun.which("ps") || succeeds("ps", "-ef") ? undefined : "a ps that works on this kernel") },
  tun: { kernel: true, missing: () => (existsSync("/dev/net/tun") ? undefined : "/dev/net/tun") },
} satisfies Record<string, Probe>;

export type Feature = keyof typeof PROBES;

const cache = new Map<string, string | undefined>();

function missing(need: string): string | undefined {
  if (!cache.has(need)) {
    const probe: Probe | undefined = PROBES[need as Feature];
    cache.set(need, probe ? probe.missing() : Bun.which(need) || existsSync(`/usr/sbin/${need}`) ? undefined : `the program ${need}`);
  }
  return cache.get(need);
}

const mayBeMissing = (need: string): boolean => (PROBES as Record<string, Probe>)[need]?.kernel === true;

/** True when all of `needs` is there: for a test that only adds an assertion where it can. */
export const available = (...needs: (Feature | (string & {}))[]): boolean => needs.every((need) => missing(need) === undefined);

type Body = () => unknown;

/** For tests that start programs; bun's own 5 s are for what computes. */
const TEST_LIMIT_MS = 60_000;

/** A test function for tests that need these features, rights and programs; what is not a feature is a program's name. */
export function requires(...needs: (Feature | (string & {}))[]): (title: string, body: Body, timeout?: number) => void {
  const lacking = needs.filter((need) => missing(need) !== undefined);
  return (title, body, timeout) => {
    if (lacking.length === 0) return void test(title, async () => void (await body()), timeout ?? TEST_LIMIT_MS);
    const reason = lacking.map(missing).join(", ");
    if (process.env.HOY_TEST_NO_SKIP !== "1" || lacking.every(mayBeMissing))
      return void test.skip(`${title} [skipped: needs ${reason}]`, () => {});
    test(title, () => {
      throw new Error(`this test needs ${reason}, and HOY_TEST_NO_SKIP=1 allows no skip but for what the kernel lacks`);
    });
  };
}
