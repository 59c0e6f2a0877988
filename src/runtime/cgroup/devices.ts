/** Rules on devices: what OCI and Docker allow in each container, and their form for cgroup v1. For v2 see device-program.ts. */
import type { DeviceRule } from "../../spec/runtime.ts";

const char = (major: number, minor: number, access = "rwm"): DeviceRule => ({ allow: true, type: "c", major, minor, access });

/**
 * What every container may use (runtime-spec, "Default Devices"): mknod of anything, null, zero, full, random, urandom, tty, console, ptmx
 * and the slaves of its pts. The list is runc's, so a container sees what it sees under Docker.
 */
export const defaultDeviceRules: readonly DeviceRule[] = [
  char(-1, -1, "m"),
  { allow: true, type: "b", major: -1, minor: -1, access: "m" },
  char(1, 3),
  char(1, 5),
  char(1, 7),
  char(1, 8),
  char(1, 9),
  char(5, 0),
  char(5, 1),
  char(5, 2),
  char(136, -1),
];

/** Rules in the order of writing after a start where everything is allowed, or nothing. */
export interface DeviceList {
  allowAll: boolean;
  rules: DeviceRule[];
}

export const isWild = (number: number | undefined): boolean => number === undefined || number < 0;
export const accessOf = (rule: DeviceRule): string => rule.access || "rwm";
export const typeOf = (rule: DeviceRule): string => (rule.type === undefined || rule.type === "" ? "a" : rule.type);

const full = (rule: DeviceRule): boolean => ["r", "w", "m"].every((letter) => accessOf(rule).includes(letter));
const matchesAll = (rule: DeviceRule): boolean => typeOf(rule) === "a" && isWild(rule.major) && isWild(rule.minor) && full(rule);

/**
 * The last rule that matches decides, so what stands before a rule for everything has no effect and is dropped.
 * Like runc's, the list starts with "nothing" and ends with the default devices.
 */
export function deviceList(asked: readonly DeviceRule[]): DeviceList {
  const start = asked.findLastIndex(matchesAll);
  const allowAll = asked[start]?.allow ?? false;
  const rest = asked.slice(start + 1);
  return { allowAll, rules: allowAll && rest.length === 0 ? [] : [...rest, ...defaultDeviceRules] };
}

/** Everything is allowed: there is nothing to write or to attach. */
export const isUnlimited = (list: DeviceList): boolean => list.allowAll && list.rules.length === 0;

/** v1: the words for `devices.allow` or `devices.deny`, in order; a new cgroup has its parent's list, which the start replaces. */
export function v1DeviceWrites(list: DeviceList): { file: "devices.allow" | "devices.deny"; value: string }[] {
  const number = (value: number | undefined) => (isWild(value) ? "*" : `${value}`);
  const writes: ReturnType<typeof v1DeviceWrites> = list.allowAll ? [] : [{ file: "devices.deny", value: "a" }];
  for (const rule of list.rules) {
    // The kernel reads "a" as everything, whatever follows it: a rule for some access or numbers needs a line for each type.
    const types = typeOf(rule) === "a" ? ["c", "b"] : [typeOf(rule)];
    for (const type of types) {
      const value = `${type} ${number(rule.major)}:${number(rule.minor)} ${accessOf(rule)}`;
      writes.push({ file: rule.allow ? "devices.allow" : "devices.deny", value });
    }
  }
  return writes;
}
