/**
 * config.json of the OCI runtime specification 1.3, for Linux (config.md, config-linux.md).
 * Members that the specification does not know are ignored, as it demands; nulls count as absent, as Go's decoder has it.
 * Hot paths take the types alone (`import type`) and read what hoy wrote itself with parseExact.
 */
import * as v from "valibot";
import { parseDocument } from "./json.ts";
import { validate } from "./validate.ts";

/** An integer in a range. One beyond 2^53 arrives as a bigint and is rounded: such values only ever mean "no limit". */
const integer = (min: number, max: number) =>
  v.pipe(
    v.unknown(),
    v.transform((value) => (typeof value === "bigint" ? Number(value) : value)),
    v.number(),
    v.integer(),
    v.minValue(min),
    v.maxValue(max),
  );
const int32 = integer(-(2 ** 31), 2 ** 31 - 1);
const int64 = integer(-(2 ** 63), 2 ** 63);
const uint16 = integer(0, 0xffff);
const uint32 = integer(0, 0xffffffff);
const uint64 = integer(0, 2 ** 64);
/** A uint64 whose every bit counts: a bigint where a double does not hold it. */
const exactUint64 = v.union([
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  v.pipe(v.bigint(), v.minValue(0n), v.maxValue(0xffffffffffffffffn)),
]);

const strings = v.array(v.string());
const stringMap = v.record(v.string(), v.string());
const noNul = v.check<string, string>((text) => !text.includes("\0"), "must not contain a NUL byte");
/** Text that reaches the kernel as a NUL-terminated string. */
const cText = v.pipe(v.string(), noNul);
const absolute = v.pipe(
  cText,
  v.check((path) => path.startsWith("/"), "must be an absolute path"),
);

export const IDMappingSchema = v.object({ containerID: uint32, hostID: uint32, size: uint32 });

export const UserSchema = v.object({
  uid: uint32,
  gid: uint32,
  umask: v.optional(integer(0, 0o7777)),
  additionalGids: v.optional(v.array(uint32)),
});

export const CapabilitiesSchema = v.object({
  bounding: v.optional(strings),
  effective: v.optional(strings),
  inheritable: v.optional(strings),
  permitted: v.optional(strings),
  ambient: v.optional(strings),
});

/** `type` is RLIMIT_NOFILE and so on; 18446744073709551615n is RLIM_INFINITY. */
export const RlimitSchema = v.object({ type: v.string(), hard: exactUint64, soft: exactUint64 });

export const SchedulerSchema = v.object({
  policy: v.string(),
  nice: v.optional(int32),
  priority: v.optional(int32),
  flags: v.optional(strings),
  /** Nanoseconds, as deadline and period. */
  runtime: v.optional(uint64),
  deadline: v.optional(uint64),
  period: v.optional(uint64),
});

export const ProcessSchema = v.object({
  terminal: v.optional(v.boolean()),
  consoleSize: v.optional(v.object({ height: uint16, width: uint16 })),
  user: v.optional(UserSchema, () => ({ uid: 0, gid: 0 })),
  /** Absent only in a container that is created and never started. */
  args: v.optional(v.pipe(v.array(cText), v.minLength(1))),
  env: v.optional(v.array(cText)),
  cwd: absolute,
  capabilities: v.optional(CapabilitiesSchema),
  rlimits: v.optional(v.array(RlimitSchema)),
  noNewPrivileges: v.optional(v.boolean()),
  oomScoreAdj: v.optional(integer(-1000, 1000)),
  apparmorProfile: v.optional(v.string()),
  selinuxLabel: v.optional(v.string()),
  scheduler: v.optional(SchedulerSchema),
  ioPriority: v.optional(
    v.object({ class: v.picklist(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]), priority: integer(0, 7) }),
  ),
  /** Lists of CPUs, `0-3,7`: until and after the process runs in the container's cgroup. */
  execCPUAffinity: v.optional(v.object({ initial: v.optional(v.string()), final: v.optional(v.string()) })),
});

export const RootSchema = v.object({ path: v.pipe(cText, v.nonEmpty()), readonly: v.optional(v.boolean()) });

export const MountSchema = v.object({
  destination: v.pipe(cText, v.nonEmpty()),
  type: v.optional(cText),
  source: v.optional(cText),
  options: v.optional(v.array(cText)),
  uidMappings: v.optional(v.array(IDMappingSchema)),
  gidMappings: v.optional(v.array(IDMappingSchema)),
});

export const HookSchema = v.object({
  path: absolute,
  args: v.optional(v.array(cText)),
  env: v.optional(v.array(cText)),
  /** Seconds. */
  timeout: v.optional(integer(1, 2 ** 31 - 1)),
});
const hooks = v.optional(v.array(HookSchema));

export const HooksSchema = v.object({
  prestart: hooks,
  createRuntime: hooks,
  createContainer: hooks,
  startContainer: hooks,
  poststart: hooks,
  poststop: hooks,
});

export const NamespaceSchema = v.object({
  type: v.picklist(["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]),
  path: v.optional(absolute),
});

export const DeviceSchema = v.object({
  path: absolute,
  type: v.picklist(["c", "b", "u", "p"]),
  major: v.optional(int64),
  minor: v.optional(int64),
  fileMode: v.optional(integer(0, 0o7777)),
  uid: v.optional(uint32),
  gid: v.optional(uint32),
});

/** A rule of the devices cgroup; absent numbers and -1 mean every one. */
export const DeviceRuleSchema = v.object({
  allow: v.boolean(),
  type: v.optional(v.picklist(["a", "c", "b", ""])),
  major: v.optional(int64),
  minor: v.optional(int64),
  access: v.optional(v.pipe(v.string(), v.regex(/^[rwm]*$/, "must be made of r, w and m"))),
});

/** Bytes; -1 is no limit. */
export const MemorySchema = v.object({
  limit: v.optional(int64),
  reservation: v.optional(int64),
  /** Memory and swap together. */
  swap: v.optional(int64),
  kernel: v.optional(int64),
  kernelTCP: v.optional(int64),
  swappiness: v.optional(uint64),
  disableOOMKiller: v.optional(v.boolean()),
  useHierarchy: v.optional(v.boolean()),
  checkBeforeUpdate: v.optional(v.boolean()),
});

/** Times in microseconds. */
export const CpuSchema = v.object({
  shares: v.optional(uint64),
  quota: v.optional(int64),
  burst: v.optional(uint64),
  period: v.optional(uint64),
  realtimeRuntime: v.optional(int64),
  realtimePeriod: v.optional(uint64),
  cpus: v.optional(v.string()),
  mems: v.optional(v.string()),
  idle: v.optional(int64),
});

const weightDevice = v.object({ major: int64, minor: int64, weight: v.optional(uint16), leafWeight: v.optional(uint16) });
const throttle = v.optional(v.array(v.object({ major: int64, minor: int64, rate: uint64 })));

export const BlockIOSchema = v.object({
  weight: v.optional(uint16),
  leafWeight: v.optional(uint16),
  weightDevice: v.optional(v.array(weightDevice)),
  /** Bytes a second. */
  throttleReadBpsDevice: throttle,
  throttleWriteBpsDevice: throttle,
  throttleReadIOPSDevice: throttle,
  throttleWriteIOPSDevice: throttle,
});

export const ResourcesSchema = v.object({
  devices: v.optional(v.array(DeviceRuleSchema)),
  memory: v.optional(MemorySchema),
  cpu: v.optional(CpuSchema),
  pids: v.optional(v.object({ limit: v.optional(int64) })),
  blockIO: v.optional(BlockIOSchema),
  hugepageLimits: v.optional(v.array(v.object({ pageSize: v.string(), limit: uint64 }))),
  network: v.optional(
    v.object({ classID: v.optional(uint32), priorities: v.optional(v.array(v.object({ name: v.string(), priority: uint32 }))) }),
  ),
  rdma: v.optional(v.record(v.string(), v.object({ hcaHandles: v.optional(uint32), hcaObjects: v.optional(uint32) }))),
  /** Files of cgroup v2 and what is written to them. */
  unified: v.optional(stringMap),
});

export const SeccompActionSchema = v.picklist([
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
]);

export const SeccompArgSchema = v.object({
  index: integer(0, 5),
  value: exactUint64,
  /** What `argument & value` must equal for SCMP_CMP_MASKED_EQ. */
  valueTwo: v.optional(exactUint64),
  op: v.picklist(["SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"]),
});

export const SeccompSyscallSchema = v.object({
  names: v.pipe(strings, v.minLength(1)),
  action: SeccompActionSchema,
  errnoRet: v.optional(uint16),
  args: v.optional(v.array(SeccompArgSchema)),
});

export const SeccompSchema = v.object({
  defaultAction: SeccompActionSchema,
  defaultErrnoRet: v.optional(uint16),
  /** SCMP_ARCH_X86_64 and so on; the machine's own always counts. */
  architectures: v.optional(strings),
  flags: v.optional(
    v.array(
      v.picklist([
        "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_LOG",
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
      ]),
    ),
  ),
  listenerPath: v.optional(v.string()),
  listenerMetadata: v.optional(v.string()),
  syscalls: v.optional(v.array(SeccompSyscallSchema)),
});

export const IntelRdtSchema = v.object({
  closID: v.optional(v.string()),
  schemata: v.optional(strings),
  l3CacheSchema: v.optional(v.string()),
  memBwSchema: v.optional(v.string()),
  enableMonitoring: v.optional(v.boolean()),
});

export const LinuxSchema = v.object({
  uidMappings: v.optional(v.array(IDMappingSchema)),
  gidMappings: v.optional(v.array(IDMappingSchema)),
  sysctl: v.optional(stringMap),
  resources: v.optional(ResourcesSchema),
  cgroupsPath: v.optional(cText),
  namespaces: v.optional(v.array(NamespaceSchema)),
  devices: v.optional(v.array(DeviceSchema)),
  /** Interfaces of the host that move in, by name there, and their name inside. */
  netDevices: v.optional(v.record(v.string(), v.object({ name: v.optional(v.string()) }))),
  seccomp: v.optional(SeccompSchema),
  rootfsPropagation: v.optional(
    v.picklist(["", "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"]),
  ),
  maskedPaths: v.optional(v.array(cText)),
  readonlyPaths: v.optional(v.array(cText)),
  mountLabel: v.optional(v.string()),
  intelRdt: v.optional(IntelRdtSchema),
  memoryPolicy: v.optional(v.object({ mode: v.string(), nodes: v.optional(v.string()), flags: v.optional(strings) })),
  personality: v.optional(v.object({ domain: v.picklist(["LINUX", "LINUX32"]), flags: v.optional(strings) })),
  /** By clock: `boottime`, `monotonic`. */
  timeOffsets: v.optional(v.record(v.string(), v.object({ secs: v.optional(int64), nanosecs: v.optional(uint32) }))),
});

export const SpecSchema = v.object({
  ociVersion: v.pipe(v.string(), v.regex(/^1\.\d+\.\d+([-+].*)?$/, "must be a version 1.x.y")),
  process: v.optional(ProcessSchema),
  root: v.optional(RootSchema),
  hostname: v.optional(cText),
  domainname: v.optional(cText),
  mounts: v.optional(v.array(MountSchema)),
  hooks: v.optional(HooksSchema),
  annotations: v.optional(stringMap),
  linux: v.optional(LinuxSchema),
});

export type Spec = v.InferOutput<typeof SpecSchema>;
export type Hooks = v.InferOutput<typeof HooksSchema>;
export type IntelRdt = v.InferOutput<typeof IntelRdtSchema>;
export type Process = v.InferOutput<typeof ProcessSchema>;
export type Capabilities = v.InferOutput<typeof CapabilitiesSchema>;
export type Rlimit = v.InferOutput<typeof RlimitSchema>;
/**
 * Two marks are hoy's own. `resolved`: the source has no link in it, and one that is found there at the start was put there by a
 * stranger. `detached`: the source is a descriptor (`/proc/PID/fd/N`) of a mount that was made beforehand and is in no namespace yet.
 */
export type Mount = v.InferOutput<typeof MountSchema> & { resolved?: true; detached?: true };
export type IDMapping = v.InferOutput<typeof IDMappingSchema>;
export type Linux = v.InferOutput<typeof LinuxSchema>;
export type Namespace = v.InferOutput<typeof NamespaceSchema>;
export type NamespaceType = Namespace["type"];
export type Device = v.InferOutput<typeof DeviceSchema>;
export type DeviceRule = v.InferOutput<typeof DeviceRuleSchema>;
export type Resources = v.InferOutput<typeof ResourcesSchema>;
export type BlockIO = v.InferOutput<typeof BlockIOSchema>;
export type Seccomp = v.InferOutput<typeof SeccompSchema>;
export type SeccompAction = v.InferOutput<typeof SeccompActionSchema>;
export type SeccompArg = v.InferOutput<typeof SeccompArgSchema>;
export type SeccompSyscall = v.InferOutput<typeof SeccompSyscallSchema>;

/** The process in a file for `exec --process`. Throws a HoyError that names the member. */
export const parseProcess = (text: string, what: string): Process => validate(ProcessSchema, parseDocument(text, what), what);

/** Limits for `update`. Throws a HoyError that names the member. */
export const parseResources = (text: string, what: string): Resources => validate(ResourcesSchema, parseDocument(text, what), what);

/**
 * The spec in the text of a config.json. Throws a HoyError that names the member:
 * `config.json: linux.resources.memory.limit: expected number, got "1g"`. `what` replaces `config.json` in it.
 */
export const parseSpec = (text: string, what = "config.json"): Spec => validate(SpecSchema, parseDocument(text, what), what);
