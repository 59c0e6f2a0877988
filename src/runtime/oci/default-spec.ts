/** `spec`: a config.json to begin with, as runc writes it (libcontainer/specconv/example.go). */
import type { Spec } from "../../spec/runtime.ts";
import { DEFAULT_PATH, defaultMounts, maskedPaths, READONLY_PATHS } from "../defaults.ts";
import { OCI_VERSION } from "./state.ts";

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

export function defaultSpec(): Spec {
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: [`PATH=${DEFAULT_PATH}`, "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "hoy",
    mounts: defaultMounts(),
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: (["pid", "network", "ipc", "uts", "mount", "cgroup"] as const).map((type) => ({ type })),
      maskedPaths: maskedPaths(),
      readonlyPaths: [...READONLY_PATHS],
    },
  };
}

/** For an ordinary user, who becomes root of a user namespace: no network of its own, no groups, no limits. */
export function rootlessSpec(uid: number, gid: number): Spec {
  const spec = defaultSpec();
  const { namespaces = [], resources: _limits, ...linux } = spec.linux ?? {};
  return {
    ...spec,
    mounts: (spec.mounts ?? []).map((mount) => {
      const options = mount.options?.filter((word) => !word.startsWith("gid=") && !word.startsWith("uid="));
      if (mount.destination === "/sys")
        return { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"] };
      return { ...mount, ...(options ? { options } : {}) };
    }),
    linux: {
      ...linux,
      namespaces: [...namespaces.filter(({ type }) => type !== "network"), { type: "user" }],
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
    },
  };
}
