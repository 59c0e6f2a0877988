/** What a container may do by default, with --privileged and with what lies between, as the probe finds it from inside. */
import { expect } from "bun:test";
import { chownSync, lstatSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import type { CallName } from "../probe/probe.ts";
import { runProbe } from "./run-probe.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const root = each([ROOT], "busybox");

/** Docker's fourteen: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP. */
const DEFAULT_CAPABILITIES = 0xa80425fbn;
const CAP_NET_ADMIN = 1n << 12n;
const CAP_SYS_ADMIN = 1n << 21n;
const CAP_CHOWN = 1n;

all("the default capabilities, none of them inheritable or ambient", async (store) => {
  const { capabilities } = await runProbe(store, [], { calls: [] });
  expect(capabilities).toEqual({
    inheritable: 0n,
    permitted: DEFAULT_CAPABILITIES,
    effective: DEFAULT_CAPABILITIES,
    bounding: DEFAULT_CAPABILITIES,
    ambient: 0n,
  });
});

all("--cap-add and --cap-drop", async (store) => {
  const caps = async (...flags: string[]) => (await runProbe(store, flags, { calls: [] })).capabilities.effective;
  expect(await caps("--cap-add", "NET_ADMIN")).toBe(DEFAULT_CAPABILITIES | CAP_NET_ADMIN);
  expect(await caps("--cap-add", "cap_sys_admin", "--cap-drop", "CHOWN")).toBe((DEFAULT_CAPABILITIES | CAP_SYS_ADMIN) & ~CAP_CHOWN);
  expect(await caps("--cap-drop", "ALL")).toBe(0n);
  expect(await caps("--cap-drop", "ALL", "--cap-add", "CHOWN")).toBe(CAP_CHOWN);
});

each([ROOT, ROOTLESS], "busybox")("an ordinary user in the container holds no capability, but the bounding set", async (store) => {
  const { capabilities, uids } = await runProbe(store, ["-u", "alice"], { calls: [] });
  expect(uids).toEqual([1000, 1000, 1000, 1000]);
  expect(capabilities).toEqual({ inheritable: 0n, permitted: 0n, effective: 0n, bounding: DEFAULT_CAPABILITIES, ambient: 0n });
});

all("the default seccomp profile", async (store) => {
  const report = await runProbe(store);
  expect(report.seccomp).toBe(2);
  const refused: CallName[] = [
    "acct",
    "add_key",
    "bpf",
    "clone_newuser",
    "keyctl",
    "mount",
    "open_by_handle_at",
    "perf_event_open",
    "pivot_root",
    "reboot",
    "sethostname",
    "setns",
    "settimeofday",
    "socket_alg",
    "socket_vsock",
    "umount",
    "unshare_net",
    "unshare_user",
    "userfaultfd",
  ];
  for (const call of refused) expect([call, report.calls[call]]).toEqual([call, "EPERM"]);
  // glibc falls back to clone on ENOSYS only.
  expect(report.calls.clone3).toBe("ENOSYS");
  for (const call of ["chroot", "personality", "ptrace", "raw_socket", "socket_inet"] as const)
    expect([call, report.calls[call]]).toEqual([call, ""]);
});

all("--security-opt seccomp=unconfined", async (store) => {
  const { seccomp, calls } = await runProbe(store, ["--security-opt", "seccomp=unconfined"], { calls: ["clone3", "unshare_user"] });
  expect([seccomp, calls.clone3, calls.unshare_user]).toEqual([0, "EINVAL", ""]);
});

all("no new privileges, by default not set", async (store) => {
  expect((await runProbe(store, [], { calls: [] })).noNewPrivileges).toBe(false);
  expect((await runProbe(store, ["--security-opt", "no-new-privileges"], { calls: [] })).noNewPrivileges).toBe(true);
});

all("masked paths are empty, read-only paths refuse writing", async (store, { title }) => {
  const report = await runProbe(store, [], {
    read: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"],
    write: ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches", "/sys/kernel/uevent_helper"],
    list: ["/sys/firmware", "/proc/acpi"],
    calls: [],
  });
  // AppArmor's default profile refuses some of the names, whatever lies there
  for (const [path, error] of Object.entries(report.readable))
    expect([path, error === "ENOENT" || (error === "EACCES" && available("apparmor")) || report.empty[path]]).toEqual([path, true]);
  // Permission is asked before the mount's flag: a user's root owns none of these.
  const refusals = title === "root" ? ["EROFS", "ENOENT"] : ["EROFS", "ENOENT", "EACCES"];
  for (const [path, error] of Object.entries(report.writable)) expect([path, error, refusals.includes(error)]).toEqual([path, error, true]);
  if (title === "root") expect(report.writable["/proc/sys/kernel/hostname"]).toBe("EROFS");
  expect(report.listings).toEqual({ "/sys/firmware": [], "/proc/acpi": [] });
});

all("namespaces of its own", async (store, { title }) => {
  const { namespaces, pid, ppid, fds, exe, uidMap } = await runProbe(store, [], { calls: [] });
  // Docker gives a cgroup namespace on hosts with cgroup v2 alone.
  for (const name of ["ipc", "mnt", "net", "pid", "uts", ...(available("cgroup-v2") ? (["cgroup"] as const) : [])] as const)
    expect([name, namespaces[name]]).not.toEqual([name, readlinkSync(`/proc/self/ns/${name}`)]);
  expect(namespaces.user === readlinkSync("/proc/self/ns/user")).toBe(title === "root");
  if (title === "root") expect(uidMap).toBe("0 0 4294967295");
  // Nothing of hoy's is open, and hoy's executable is out of reach (CVE-2024-21626, CVE-2019-5736).
  expect([pid, ppid, fds, exe]).toEqual([1, 0, [0, 1, 2], "/probe"]);
});

all("no mount of the host is to be seen, and none propagates", async (store) => {
  const { mounts } = await runProbe(store, [], { calls: [] });
  expect(mounts.filter(({ propagation }) => propagation.includes("shared"))).toEqual([]);
  const points = mounts.map(({ point }) => point);
  for (const point of ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"])
    expect(points).toContain(point);
  expect(points.filter((point) => point.includes("hoyt-"))).toEqual([]);
  const options = (point: string) => mounts.find((mount) => mount.point === point)?.options ?? new Set();
  for (const flag of ["nosuid", "nodev", "noexec", "ro"]) expect(options("/sys").has(flag)).toBe(true);
  for (const flag of ["nosuid", "nodev", "noexec"]) expect(options("/proc").has(flag)).toBe(true);
});

root("--privileged", async (store) => {
  const report = await runProbe(store, ["--privileged"], {
    write: ["/proc/sys/kernel/hostname"],
    list: ["/dev"],
    calls: ["mount", "unshare_net"],
  });
  expect([report.seccomp, report.calls, report.writable["/proc/sys/kernel/hostname"]]).toEqual([
    0,
    { mount: "ENOENT", unshare_net: "" },
    "",
  ]);
  expect(report.capabilities.effective & CAP_SYS_ADMIN).toBe(CAP_SYS_ADMIN);
  expect(report.listings["/dev"]).toContain("kmsg");
});

root("--device", async (store) => {
  const flags = ["--device", "/dev/kmsg:/dev/other:r"];
  const { listings, readable, writable } = await runProbe(store, flags, { list: ["/dev"], write: ["/dev/other"], calls: [] });
  expect(listings["/dev"]).toContain("other");
  expect(readable).toEqual({});
  expect(writable["/dev/other"]).toBe("EPERM");
});

each([ROOTLESS, PLAIN], "busybox")("--device of an ordinary user, under another path", async (store) => {
  const read = ["sh", "-c", "head -c 3 /dev/some/zeros | od -An -tx1; stat -c %t:%T /dev/some/zeros"];
  const output = await store.ok([
    "run",
    "--rm",
    "--network",
    "none",
    "--device",
    "/dev/zero:/dev/some/zeros",
    "--rootfs",
    store.rootfs,
    ...read,
  ]);
  expect(output.trim().split(/\s+/)).toEqual(["00", "00", "00", "1:5"]);
});

root("--device outside of /dev: a container starts again, and a link or file there gives way", async (store) => {
  const look = "stat -c '%F %t:%T %a' /data/null /opt/zero; [ -e /first ] && ln -sf /etc/passwd /opt/zero; touch /first";
  const devices = ["--device", "/dev/null:/data/null", "--device", "/dev/zero:/opt/zero"];
  const flags = [...devices, "--name", "box", "-v", `${store.dir}:/data`, "--network", "none"];
  await store.ok(["create", ...flags, "--rootfs", store.rootfs, "sh", "-c", look]);
  const nodes = "character special file 1:3 666\ncharacter special file 1:5 666";
  for (let run = 0; run < 3; run++) expect(await store.ok(["start", "-a", "box"])).toBe(nodes);
  expect(await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "head", "-n1", "/etc/passwd"])).toStartWith("root:");
});

root("--device on a file of a volume leaves the volume's file as it is", async (store) => {
  const file = join(store.dir, "file");
  writeFileSync(file, "kept\n");
  chownSync(file, 1000, 1000);
  const flags = ["--device", "/dev/tty:/data/file", "-v", `${store.dir}:/data`, "--network", "none", "--rootfs", store.rootfs];
  expect(await store.ok(["run", "--rm", ...flags, "cat", "/data/file"])).toBe("kept");
  const { uid, gid } = lstatSync(file);
  expect([readFileSync(file, "utf8"), uid, gid]).toEqual(["kept\n", 1000, 1000]);
});
