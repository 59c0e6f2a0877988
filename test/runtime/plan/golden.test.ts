/**
 * The plans of a dozen containers, written out: a change of a plan is a change of a file here, to be read before it is taken over with
 * `HOY_UPDATE_GOLDEN=1 bun test test/runtime/plan/golden.test.ts`.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tape } from "../../../ffi/tape.ts";
import type { CgroupMount } from "../../../src/runtime/cgroup/mounts.ts";
import { type InitRequest, planInit } from "../../../src/runtime/plan/init.ts";
import type { Mount, Spec } from "../../../src/spec/runtime.ts";
import { renderPlan } from "./render.ts";

/** Small, and the same on every machine: masks of what each kernel has. */
function baseSpec(): Spec {
  return {
    ociVersion: "1.2.1",
    hostname: "box",
    root: { path: "rootfs" },
    process: {
      args: ["sh", "-c", "true"],
      cwd: "/",
      env: ["PATH=/usr/bin:/bin"],
      user: { uid: 0, gid: 0 },
      capabilities: { bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN", "CAP_KILL"] },
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
      { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"] },
    ],
    linux: {
      namespaces: (["mount", "network", "uts", "pid", "ipc"] as const).map((type) => ({ type })),
      maskedPaths: ["/proc/timer_list", "/proc/fs"],
      readonlyPaths: ["/proc/sys"],
    },
  };
}

const V2: readonly CgroupMount[] = [
  { kind: "mount", target: "/sys/fs/cgroup", type: "cgroup2", source: "cgroup", data: "", optional: false },
  { kind: "readonly", target: "/sys/fs/cgroup" },
];
const V1: readonly CgroupMount[] = [
  { kind: "mount", target: "/sys/fs/cgroup", type: "tmpfs", source: "tmpfs", data: "mode=755", optional: false },
  { kind: "bind", target: "/sys/fs/cgroup/cpu,cpuacct", source: "/sys/fs/cgroup/cpu,cpuacct/hoy/id", recursive: false },
  { kind: "readonly", target: "/sys/fs/cgroup/cpu,cpuacct" },
  { kind: "symlink", target: "/sys/fs/cgroup/cpu", to: "cpu,cpuacct" },
  { kind: "readonly", target: "/sys/fs/cgroup" },
];

/** Two instructions that allow all: what a filter says is a matter of test/runtime/seccomp. */
const FILTER = new Uint8Array([0x20, 0, 0, 0, 0, 0, 0, 0, 0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);

type Process = NonNullable<Spec["process"]>;
type Edit = (spec: Spec & { process: Process; mounts: Mount[]; linux: NonNullable<Spec["linux"]> }) => void;

const plans: Record<string, { edit?: Edit; request?: Partial<InitRequest> }> = {
  rootful: { request: { seccomp: FILTER, joinCgroups: ["/sys/fs/cgroup/hoy/id/cgroup.procs"] } },
  "cgroup-v1": { request: { cgroupMounts: V1, joinCgroups: ["/sys/fs/cgroup/pids/hoy/id/tasks"] } },
  privileged: {
    edit(spec) {
      delete spec.linux.maskedPaths;
      delete spec.linux.readonlyPaths;
      spec.mounts = spec.mounts.map((mount) => ({ ...mount, options: mount.options?.filter((word) => word !== "ro") ?? [] }));
      spec.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o600 }];
    },
    request: { cgroupMounts: V2.slice(0, 1) },
  },
  rootless: { request: { inUserNamespace: true, seccomp: FILTER } },
  "rootless-without-ids": { request: { inUserNamespace: true, maySetGroups: false } },
  "user-namespace": {
    edit(spec) {
      spec.linux.namespaces?.push({ type: "user" });
      spec.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    },
    request: { inUserNamespace: true },
  },
  "joined-namespaces": {
    edit(spec) {
      spec.linux.namespaces = [
        { type: "mount" },
        { type: "uts" },
        { type: "pid", path: "/proc/7/ns/pid" },
        { type: "network", path: "/proc/7/ns/net" },
      ];
    },
  },
  terminal: { request: { terminal: { size: { rows: 24, columns: 80 } }, streams: "monitor-without-input" } },
  readonly: {
    edit(spec) {
      spec.root = { path: "rootfs", readonly: true };
      spec.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=1777"] });
    },
  },
  volumes: {
    edit(spec) {
      spec.mounts.push(
        { destination: "/data/deep", type: "bind", source: "/usr", options: ["rbind", "ro"] },
        { destination: "/etc/passwd", type: "bind", source: "/etc/passwd", options: ["bind", "rro"] },
        { destination: "/shared", type: "bind", source: "/usr", options: ["rbind", "rshared"] },
        { destination: "/part", type: "bind", source: "/usr", options: ["rbind"], resolved: true },
      );
      spec.linux.rootfsPropagation = "rslave";
    },
  },
  user: {
    edit({ process }) {
      process.user = { uid: 1000, gid: 1001, additionalGids: [1001, 7], umask: 0o027 };
      process.cwd = "/home/alice";
      process.noNewPrivileges = true;
      process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 }];
    },
    request: { seccomp: FILTER },
  },
  sysctls: {
    edit(spec) {
      spec.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1" };
      spec.process.oomScoreAdj = 500;
    },
  },
  "masks-elsewhere": {
    edit({ linux }) {
      linux.maskedPaths = ["/proc/timer_list", "/data/secret"];
      linux.readonlyPaths = ["/proc/sys", "/data"];
    },
  },
};

function planOf(name: string): string {
  const { edit, request } = plans[name] ?? {};
  const spec = baseSpec();
  edit?.(spec as Parameters<Edit>[0]);
  const tape = new Tape();
  const part = planInit(tape, {
    spec,
    id: "0123456789ab",
    mountpoint: "/run/hoy",
    joinCgroups: [],
    cgroupMounts: V2,
    seccomp: undefined,
    inUserNamespace: false,
    maySetGroups: true,
    terminal: undefined,
    streams: "monitor",
    ...request,
  });
  return renderPlan(tape, part);
}

test.each(Object.keys(plans))("%s", (name) => {
  const file = join(import.meta.dir, "golden", `${name}.txt`);
  const plan = planOf(name);
  if (process.env.HOY_UPDATE_GOLDEN === "1") writeFileSync(file, plan);
  expect(existsSync(file)).toBe(true);
  expect(plan).toBe(readFileSync(file, "utf8"));
});
