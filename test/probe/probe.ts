/**
 * The probe's other half: makes the payload, says what to ask of it, and reads its answers into what a test compares with what it
 * asked of hoy. All policy is here; probe.c only carries out questions.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeElf } from "../../ffi/elf.ts";
import { errnoName } from "../../ffi/errno.ts";
import { NR } from "../../ffi/syscalls.ts";

let elf: Uint8Array | undefined;

/** The payload, a static executable of some 20 kB for this machine's architecture. */
export const probeElf = (): Uint8Array => {
  elf ??= makeElf(readFileSync(join(import.meta.dir, "probe.c"), "utf8"));
  return elf;
};

type Answer = { text: string } | { errno: number; read?: number } | { signal: number };

const STATUS = "cat:/proc/self/status";
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;
const FILES = [
  "/proc/self/mountinfo",
  "/proc/self/cgroup",
  "/proc/self/limits",
  "/proc/self/environ",
  "/proc/self/uid_map",
  "/proc/self/gid_map",
  "/proc/self/setgroups",
  "/proc/self/oom_score_adj",
  "/proc/sys/kernel/hostname",
  "/proc/sys/kernel/domainname",
] as const;

/** Limits by their file's name, on v2 and, where the controller is a v1 hierarchy, on v1. */
const LIMIT_FILES = {
  memory: ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"],
  swap: ["/sys/fs/cgroup/memory.swap.max", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"],
  pids: ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"],
  cpu: ["/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"],
  shares: ["/sys/fs/cgroup/cpu.weight", "/sys/fs/cgroup/cpu/cpu.shares"],
  cpuset: ["/sys/fs/cgroup/cpuset.cpus", "/sys/fs/cgroup/cpuset/cpuset.cpus"],
} as const;

const O_WRONLY = 1;

/** System calls that a container's default profile refuses or lets pass; the arguments do no harm where a call is allowed. */
const CALLS = {
  acct: [163, 89, "0"],
  add_key: [NR.add_key, NR.add_key, "'user,'hoy,'x,1,-3"],
  bpf: [NR.bpf, NR.bpf, "0,@,0"],
  chroot: [NR.chroot, NR.chroot, "'/"],
  clone3: [NR.clone3, NR.clone3, "@,0"],
  clone_newuser: [NR.clone, NR.clone, String(0x10000000 | 17)],
  keyctl: [NR.keyctl, NR.keyctl, "0,-3,0"],
  mknod_device: [NR.mknodat, NR.mknodat, `-100,'/tmp/.hoy-probe-node,${0o020600},${(1 << 8) | 3}`],
  mount: [NR.mount, NR.mount, "'none,'/,'none,4096,0"],
  open_by_handle_at: [304, 265, "-100,@,0"],
  perf_event_open: [298, 241, "@,0,-1,-1,0"],
  personality: [NR.personality, NR.personality, "0"],
  pivot_root: [NR.pivot_root, NR.pivot_root, "'/proc/none,'/proc/none"],
  ptrace: [101, 117, "0,0,0,0"],
  raw_socket: [NR.socket, NR.socket, "2,3,1"],
  reboot: [169, 142, "0,0,0,0"],
  sethostname: [NR.sethostname, NR.sethostname, "'probe,-1"],
  setns: [NR.setns, NR.setns, "-1,0"],
  settimeofday: [164, 170, "1,0"],
  socket_alg: [NR.socket, NR.socket, "38,5,0"],
  socket_inet: [NR.socket, NR.socket, "2,1,0"],
  socket_vsock: [NR.socket, NR.socket, "40,1,0"],
  umount: [NR.umount2, NR.umount2, "'/proc/none,0"],
  unshare_net: [NR.unshare, NR.unshare, String(0x40000000)],
  unshare_user: [NR.unshare, NR.unshare, String(0x10000000)],
  userfaultfd: [323, 282, "0"],
} as const satisfies Record<string, readonly [x64: number, arm64: number, args: string]>;

export type CallName = keyof typeof CALLS;

const callQuestion = (name: CallName): string => {
  const [x64, arm64, args] = CALLS[name];
  return `call:${process.arch === "arm64" ? arm64 : x64},${args}`;
};

export interface ProbeQuestions {
  /** Paths to open for reading; `readable` has the answers. */
  read?: readonly string[];
  /** Existing files to open for writing, without changing them. */
  write?: readonly string[];
  /** Folders to list. */
  list?: readonly string[];
  /** Files whose text is wanted. */
  cat?: readonly string[];
  /** System calls to try; all by default. */
  calls?: readonly CallName[];
}

const allCalls = Object.keys(CALLS) as CallName[];

/** The arguments to give to the payload: `run … /probe ARGS…`. */
export const probeArgs = ({ read = [], write = [], list = [], cat = [], calls = allCalls }: ProbeQuestions = {}): string[] => [
  STATUS,
  ...FILES.map((path) => `cat:${path}`),
  ...NAMESPACES.map((name) => `link:/proc/self/ns/${name}`),
  "link:/proc/self/cwd",
  "link:/proc/self/exe",
  "list:/proc/self/fd",
  ...["0", "1", "2"].map((fd) => `link:/proc/self/fd/${fd}`),
  ...Object.values(LIMIT_FILES).flatMap((paths) => paths.map((path) => `cat:${path}`)),
  ...read.map((path) => `open:0:${path}`),
  ...write.map((path) => `open:${O_WRONLY}:${path}`),
  ...list.map((path) => `list:${path}`),
  ...cat.map((path) => `cat:${path}`),
  ...calls.map(callQuestion),
];

export interface Mount {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** Of the mount and of its file system, together. */
  readonly options: ReadonlySet<string>;
  /** `shared:1`, `master:1` … or empty for a private mount. */
  readonly propagation: string;
}

export interface Report {
  readonly pid: number;
  readonly ppid: number;
  readonly umask: number;
  /** `pid:[4026531836]` by name; undefined where the kernel has none of that kind. */
  readonly namespaces: Readonly<Record<(typeof NAMESPACES)[number], string | undefined>>;
  readonly mounts: readonly Mount[];
  /** Real, effective, saved and file system ids. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  /** Capability sets as bit masks. */
  readonly capabilities: Readonly<Record<"inheritable" | "permitted" | "effective" | "bounding" | "ambient", bigint>>;
  readonly noNewPrivileges: boolean;
  /** 0 none, 1 strict, 2 filter. */
  readonly seccomp: number;
  /** `{ "Max open files": ["1024", "4096"] }`: soft and hard, as /proc/self/limits has them. */
  readonly limits: Readonly<Record<string, readonly [soft: string, hard: string]>>;
  readonly cgroup: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly exe: string;
  readonly hostname: string;
  /** Numbers of the open descriptors, without the one that lists them. */
  readonly fds: readonly number[];
  readonly uidMap: string;
  readonly gidMap: string;
  readonly oomScoreAdj: number;
  /** What the container's own cgroup says, by LIMIT_FILES; undefined where there is no such file. */
  readonly cgroupLimits: Readonly<Record<keyof typeof LIMIT_FILES, string | undefined>>;
  /** Error names by path, "" for success. */
  readonly readable: Readonly<Record<string, string>>;
  /** The same, and whether a byte came: a masked file opens, and is empty. */
  readonly empty: Readonly<Record<string, boolean>>;
  readonly writable: Readonly<Record<string, string>>;
  readonly listings: Readonly<Record<string, readonly string[]>>;
  readonly texts: Readonly<Record<string, string>>;
  /** Error names by call, "" for success, `signal 31` where the kernel killed the caller. */
  readonly calls: Readonly<Partial<Record<CallName, string>>>;
}

const errorOf = (answer: Answer | undefined): string => {
  if (!answer) throw new Error("the probe was not asked this");
  if ("signal" in answer) return `signal ${answer.signal}`;
  return "errno" in answer && answer.errno !== 0 ? errnoName(answer.errno) : "";
};

const fromEntries = <K extends string, V>(keys: readonly K[], value: (key: K) => V): Record<K, V> =>
  Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, V>;

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`, proc_pid_mountinfo(5). */
function parseMount(line: string): Mount {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , , point = "", options = "", ...propagation] = before.split(" ");
  const [type = "", source = "", superOptions = ""] = after.split(" ");
  return {
    point: point.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    type,
    source,
    options: new Set([...superOptions.split(","), ...options.split(",")]),
    propagation: propagation.join(" "),
  };
}

/** Reads what the payload printed. Throws with the output when it is no report. */
export function readReport(output: string, questions: ProbeQuestions = {}): Report {
  let raw: Record<string, Answer | number>;
  try {
    raw = JSON.parse(output);
  } catch {
    throw new Error(`not a report of the probe: ${JSON.stringify(output.slice(0, 500))}`);
  }
  const answer = (question: string): Answer | undefined => raw[question] as Answer | undefined;
  const text = (question: string): string | undefined => {
    const given = answer(question);
    return given && "text" in given ? Buffer.from(given.text, "latin1").toString("utf8") : undefined;
  };
  const status = new Map(
    (text(STATUS) ?? "").split("\n").map((line): [string, string] => {
      const [name = "", value = ""] = line.split(":\t");
      return [name, value.trim()];
    }),
  );
  const numbers = (name: string): number[] => (status.get(name) ?? "").split(/\s+/).filter(Boolean).map(Number);
  const mask = (name: string): bigint => BigInt(`0x${status.get(name) ?? "0"}`);
  const { read = [], write = [], list = [], cat = [], calls = allCalls } = questions;
  return {
    pid: raw.pid as number,
    ppid: raw.ppid as number,
    umask: raw.umask as number,
    namespaces: fromEntries(NAMESPACES, (name) => text(`link:/proc/self/ns/${name}`)),
    mounts: (text("cat:/proc/self/mountinfo") ?? "").split("\n").filter(Boolean).map(parseMount),
    uids: numbers("Uid"),
    gids: numbers("Gid"),
    groups: numbers("Groups"),
    capabilities: {
      inheritable: mask("CapInh"),
      permitted: mask("CapPrm"),
      effective: mask("CapEff"),
      bounding: mask("CapBnd"),
      ambient: mask("CapAmb"),
    },
    noNewPrivileges: status.get("NoNewPrivs") === "1",
    seccomp: Number(status.get("Seccomp") ?? 0),
    limits: Object.fromEntries(
      [...(text("cat:/proc/self/limits") ?? "").matchAll(/^(Max [a-z ]+?) {2,}(\S+) +(\S+)/gm)].map(([, name, soft, hard]) => [
        name,
        [soft, hard],
      ]),
    ),
    cgroup: text("cat:/proc/self/cgroup") ?? "",
    env: Object.fromEntries(
      (text("cat:/proc/self/environ") ?? "")
        .split("\0")
        .filter(Boolean)
        .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    ),
    cwd: text("link:/proc/self/cwd") ?? "",
    exe: text("link:/proc/self/exe") ?? "",
    hostname: (text("cat:/proc/sys/kernel/hostname") ?? "").trim(),
    // The descriptor that lists the folder is the lowest free one at that time: it is in its own list, and closed again.
    fds: withoutLister((text("list:/proc/self/fd") ?? "").split("/").map(Number)),
    uidMap: (text("cat:/proc/self/uid_map") ?? "").trim().replace(/ +/g, " "),
    gidMap: (text("cat:/proc/self/gid_map") ?? "").trim().replace(/ +/g, " "),
    oomScoreAdj: Number(text("cat:/proc/self/oom_score_adj")),
    cgroupLimits: fromEntries(Object.keys(LIMIT_FILES) as (keyof typeof LIMIT_FILES)[], (name) =>
      LIMIT_FILES[name].map((path) => text(`cat:${path}`)?.trim()).find((value) => value !== undefined),
    ),
    readable: fromEntries(read, (path) => errorOf(answer(`open:0:${path}`))),
    empty: fromEntries(read, (path) => (answer(`open:0:${path}`) as { read?: number }).read === 0),
    writable: fromEntries(write, (path) => errorOf(answer(`open:${O_WRONLY}:${path}`))),
    listings: fromEntries(list, (path) => (text(`list:${path}`) ?? "").split("/").filter(Boolean).sort()),
    texts: fromEntries(cat, (path) => text(`cat:${path}`) ?? ""),
    calls: fromEntries(calls, (name) => errorOf(answer(callQuestion(name)))),
  };
}

function withoutLister(fds: readonly number[]): number[] {
  const sorted = fds.toSorted((a, b) => a - b);
  let lister = 0;
  while (sorted[lister] === lister) lister++;
  return sorted.filter((fd) => fd !== lister - 1);
}
