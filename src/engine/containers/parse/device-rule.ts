/** `--device-cgroup-rule 'c 42:* rmw'` (docker/cli validateDeviceCgroupRule, moby oci.AppendDevicePermissionsFromCgroupRules). */
import type { DeviceRule } from "../../../spec/runtime.ts";
import { invalid } from "./invalid.ts";

const RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

export function parseDeviceRule(text: string): string {
  deviceRule(text);
  return text;
}

export function deviceRule(text: string): DeviceRule {
  const match = RULE.exec(text);
  if (!match) throw invalid(`invalid device cgroup format '${text}'`);
  const [, type, major, minor, access] = match as unknown as [string, DeviceRule["type"], string, string, string];
  const number = (word: string): number => (word === "*" ? -1 : Number(word));
  return { allow: true, type, major: number(major), minor: number(minor), access };
}
