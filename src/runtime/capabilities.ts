/** Linux capabilities (capabilities(7)): names, numbers, and which ones a container gets by Docker's rules. */
import { readFileSync } from "../../ffi/fs.ts";
import { HoyError } from "../spec/error.ts";

/** By number, from CAP_CHOWN = 0. */
export const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

export type Capability = (typeof CAPABILITIES)[number];

/** What Docker gives a container that nothing was asked of, in Docker's order. */
export const DEFAULT_CAPABILITIES: readonly Capability[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** The number of a capability by its full name in capitals; undefined for a name that hoy does not know. */
export function capabilityNumber(name: string): number | undefined {
  const number = (CAPABILITIES as readonly string[]).indexOf(name);
  return number < 0 ? undefined : number;
}

/** The set as a bit mask, for capset(2) and the numbers in /proc/PID/status. Throws a HoyError for an unknown name. */
export function capabilityMask(names: readonly string[]): bigint {
  let mask = 0n;
  for (const name of names) {
    const number = capabilityNumber(name);
    if (number === undefined) throw new HoyError(`unknown capability: ${JSON.stringify(name)}`, { status: 400 });
    mask |= 1n << BigInt(number);
  }
  return mask;
}

let last: number | undefined;

/** The highest capability that the running kernel knows; read once. */
export function lastCapability(): number {
  last ??= Number.parseInt(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8"), 10);
  return last;
}

let bounding: bigint | undefined;

/** Mask of what this process could give away: its bounding set, which holds only what the kernel knows; read once. */
export function boundingSet(): bigint {
  bounding ??= BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);
  return bounding;
}

export interface CapabilityRequest {
  /** `NET_ADMIN`, `cap_net_admin` or `ALL`. */
  add?: readonly string[] | null;
  drop?: readonly string[] | null;
  privileged?: boolean;
  /** Mask of what there is to give; the bounding set of this process unless told. */
  available?: bigint;
}

/** ALL, or the full names of what was written with or without CAP_ in any case. */
function normalize(field: "CapAdd" | "CapDrop", names: readonly string[], available: () => bigint): string[] {
  return names.map((written) => {
    const upper = written.toUpperCase();
    if (upper === "ALL") return upper;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    const number = capabilityNumber(name);
    if (number === undefined) {
      throw new HoyError(`invalid ${field}: unknown capability: ${JSON.stringify(name)}`, {
        hint: "capabilities(7) lists the names; ALL stands for every one",
        status: 400,
      });
    }
    // Docker refuses to drop what is not there, too; but the wish is fulfilled.
    if (field === "CapAdd" && !((available() >> BigInt(number)) & 1n)) {
      throw new HoyError(
        `invalid ${field}: capability not supported by your kernel or not available in the current environment: ${JSON.stringify(name)}`,
        { status: 400 },
      );
    }
    return name;
  });
}

/**
 * The capabilities of a container, as Docker computes them: privileged takes all that are available; add ALL takes all but
 * those dropped; drop ALL takes only those added; otherwise the defaults without the dropped, then the added.
 * Throws a HoyError for a name that is unknown, or added and not available.
 */
export function resolveCapabilities(request: CapabilityRequest): Capability[] {
  const available = (): bigint => request.available ?? boundingSet();
  const all = (): Capability[] => CAPABILITIES.filter((_, number) => (available() >> BigInt(number)) & 1n);
  const add = normalize("CapAdd", request.add ?? [], available);
  const drop = normalize("CapDrop", request.drop ?? [], available);
  if (request.privileged) return all();
  let chosen: string[];
  if (add.includes("ALL")) chosen = all().filter((name) => !drop.includes(name));
  else if (drop.includes("ALL")) chosen = add;
  else chosen = [...DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name)), ...add];
  return [...new Set(chosen)] as Capability[];
}
