/** `features`: what this runtime does on this kernel (runtime-spec features.md, features-linux.md). */
import { existsSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { CAPABILITIES, lastCapability } from "../capabilities.ts";
import { detectCgroups } from "../cgroup/host.ts";
import { MEMORY_FLAGS, MEMORY_MODES } from "../plan/memory-policy.ts";
import { mountWords } from "../plan/mount-options.ts";
import { SECCOMP_FLAGS } from "./seccomp-flags.ts";
import { OCI_VERSION } from "./state.ts";

const ACTIONS = ["ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "KILL_THREAD", "LOG", "NOTIFY", "TRACE", "TRAP"].map(
  (name) => `SCMP_ACT_${name}`,
);
const OPERATORS = ["EQ", "GE", "GT", "LE", "LT", "MASKED_EQ", "NE"].map((name) => `SCMP_CMP_${name}`);

const SET_MODE_FILTER = 1;
const NEW_LISTENER = 8;
const EFAULT = 14;

/** A kernel that knows the flag misses the filter; one that does not finds the call invalid (seccomp(2)). */
const isSupported = (name: string): boolean =>
  sys(NR.seccomp, SET_MODE_FILTER, (SECCOMP_FLAGS[name] ?? 0) | (name.endsWith("RECV") ? NEW_LISTENER : 0), 0) === -EFAULT;

export function features(version: string) {
  const host = detectCgroups();
  const seccomp = existsSync("/proc/sys/kernel/seccomp");
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: mountWords().sort(),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"].filter((type) =>
        existsSync(`/proc/self/ns/${{ mount: "mnt", network: "net" }[type] ?? type}`),
      ),
      capabilities: CAPABILITIES.filter((_, number) => number <= lastCapability()),
      cgroup: {
        v1: host.v1.length > 0,
        v2: host.v2 !== undefined,
        systemd: true,
        systemdUser: true,
        rdma: [...host.v1.flatMap(({ controllers }) => controllers), ...(host.v2?.controllers ?? [])].includes("rdma"),
      },
      seccomp: {
        enabled: seccomp,
        ...(seccomp
          ? {
              actions: ACTIONS,
              operators: OPERATORS,
              archs: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
            }
          : {}),
        knownFlags: Object.keys(SECCOMP_FLAGS),
        supportedFlags: Object.keys(SECCOMP_FLAGS).filter(isSupported),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
      memoryPolicy: { modes: Object.keys(MEMORY_MODES), flags: Object.keys(MEMORY_FLAGS) },
    },
    annotations: { "hoy.version": version },
  };
}
