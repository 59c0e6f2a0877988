/** Hosts as data, one for each layout, for the plans. */
import type { CgroupHost } from "../../../src/runtime/cgroup/host.ts";

const v1 = (name: string): CgroupHost["v1"][number] => {
  const mountpoint = `/sys/fs/cgroup/${name.replace("name=", "")}`;
  return { name, controllers: name.split(","), mountpoint, ownPath: "/", base: mountpoint };
};
const names = ["name=systemd", "cpu,cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];

export const v1Host: CgroupHost = { mode: "v1", v1: names.map(v1) };

/** hugetlb is the unified hierarchy's. */
export const hybridHost: CgroupHost = {
  mode: "hybrid",
  v1: names.map(v1),
  v2: { mountpoint: "/sys/fs/cgroup/unified", controllers: ["hugetlb"], ownPath: "/", base: "/sys/fs/cgroup/unified" },
};

export const v2Host: CgroupHost = {
  mode: "v2",
  v1: [],
  v2: {
    mountpoint: "/sys/fs/cgroup",
    controllers: ["cpuset", "cpu", "io", "memory", "pids"],
    ownPath: "/system.slice/ssh.service",
    base: "/sys/fs/cgroup",
  },
};

const user = "/user.slice/user-1000.slice/user@1000.service";

/** A user whose session has memory and pids delegated. */
export const delegatedHost: CgroupHost = {
  mode: "v2",
  v1: [],
  v2: {
    mountpoint: "/sys/fs/cgroup",
    controllers: ["memory", "pids"],
    ownPath: `${user}/app.slice/x.scope`,
    base: `/sys/fs/cgroup${user}`,
  },
};

/** A user in a login session, which belongs to root. */
export const undelegatedHost: CgroupHost = {
  mode: "v2",
  v1: [],
  v2: {
    mountpoint: "/sys/fs/cgroup",
    controllers: ["cpu", "memory", "pids"],
    ownPath: "/user.slice/user-1000.slice/session-1.scope",
    base: null,
  },
};
