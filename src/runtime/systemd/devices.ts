/**
 * Device rules as properties, for v1 alone: there systemd writes its own list into `devices.allow` whenever it reloads, and would let
 * everything in. v2's rules are a program of our own, which systemd leaves where it is.
 */
import { readFileSync } from "node:fs";
import type { DeviceRule } from "../../spec/runtime.ts";
import { accessOf, type DeviceList, isUnlimited, isWild, typeOf } from "../cgroup/devices.ts";
import type { Property } from "./properties.ts";
import { variant } from "./wire.ts";

const KINDS = { c: "char", b: "block" } as const;

/** The driver's name of a major number, from /proc/devices (proc(5)). */
export function driverOf(devices: string, type: "c" | "b", major: number): string | undefined {
  const [characters = "", blocks = ""] = devices.split("Block devices:");
  return new RegExp(`^ *${major} (\\S+)$`, "m").exec(type === "c" ? characters : blocks)?.[1];
}

/** What systemd.resource-control(5) calls the devices of a rule; empty for what it has no name for. */
function namesOf(rule: DeviceRule, devices: string): string[] {
  const types = typeOf(rule) === "a" ? (["c", "b"] as const) : [typeOf(rule) as "c" | "b"];
  return types.flatMap((type) => {
    const kind = KINDS[type];
    if (isWild(rule.major)) return isWild(rule.minor) ? [`${kind}-*`] : [];
    if (!isWild(rule.minor)) return [`/dev/${kind}/${rule.major}:${rule.minor}`];
    const driver = driverOf(devices, type, rule.major as number);
    return driver === undefined ? [] : [`${kind}-${driver}`];
  });
}

/** systemd knows lists of what is allowed: one that forbids something in between stands in the cgroup's files alone. */
export function deviceProperties(list: DeviceList, devices = readFileSync("/proc/devices", "latin1")): Property[] {
  if (isUnlimited(list) || list.allowAll || list.rules.some(({ allow }) => !allow)) return [];
  const allowed = list.rules.flatMap((rule) => namesOf(rule, devices).map((name) => [name, accessOf(rule)]));
  return [
    ["DevicePolicy", variant("s", "strict")],
    ["DeviceAllow", variant("a(ss)", allowed)],
  ];
}
