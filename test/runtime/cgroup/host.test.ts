import { expect, test } from "bun:test";
import { detectCgroups, parseCgroups } from "../../../src/runtime/cgroup/host.ts";
import { requires } from "../../harness/requires.ts";

const noise = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n";

test("v2: one hierarchy, its own path", () => {
  const host = parseCgroups(
    `${noise}30 22 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n`,
    "0::/user.slice/a:b\n",
    false,
  );
  expect(host).toEqual({
    mode: "v2",
    v1: [],
    v2: { mountpoint: "/sys/fs/cgroup", controllers: [], ownPath: "/user.slice/a:b", base: "/sys/fs/cgroup" },
  });
});

test("v1: joint and named hierarchies, whatever the mount options' order", () => {
  const mountinfo = [
    "33 25 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd",
    "34 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    "35 25 0:30 / /sys/fs/cgroup/with\\040space rw shared:3 - cgroup cgroup rw,memory",
  ].join("\n");
  const host = parseCgroups(mountinfo, "5:memory:/a\n4:cpuacct,cpu:/b\n3:pids:/not-mounted\n1:name=systemd:/c\n", false);
  expect(host.mode).toBe("v1");
  expect(host.v2).toBeUndefined();
  expect(host.v1.map(({ name, mountpoint, ownPath }) => [name, mountpoint, ownPath])).toEqual([
    ["memory", "/sys/fs/cgroup/with space", "/a"],
    ["cpuacct,cpu", "/sys/fs/cgroup/cpu,cpuacct", "/b"],
    ["name=systemd", "/sys/fs/cgroup/systemd", "/c"],
  ]);
});

test("the usual place wins over a second mount of the same hierarchy", () => {
  const lines = "40 22 0:27 / /var/chroot/cgroup rw - cgroup2 none rw\n41 22 0:27 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n";
  expect(parseCgroups(lines, "0::/\n", false).v2?.mountpoint).toBe("/sys/fs/cgroup/unified");
});

test("hybrid and none", () => {
  const v1 = "33 25 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
  const v2 = "34 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  expect(parseCgroups(v1 + v2, "2:pids:/\n0::/\n", false).mode).toBe("hybrid");
  expect(parseCgroups(noise, "0::/\n", false)).toEqual({ mode: "none", v1: [] });
});

test("a mount that shows less than our own cgroup has no base there that does not exist", () => {
  const line = "34 25 0:29 /docker/other /nowhere/cgroup rw - cgroup2 cgroup2 rw\n";
  const host = () => parseCgroups(line, "0::/docker/mine\n", true);
  expect(host).not.toThrow();
  expect(host().v2).toMatchObject({ base: null, controllers: [] });
});

requires("root")("root may use the top of each hierarchy of this machine", () => {
  const host = detectCgroups();
  expect(host.mode).not.toBe("none");
  for (const { base, mountpoint } of [...host.v1, ...(host.v2 ? [host.v2] : [])]) expect(base).toBe(mountpoint);
});
