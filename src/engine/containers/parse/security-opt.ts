/** `--security-opt` (docker/cli parseSecurityOpts, moby parseSecurityOpt). */

import { checkLabelOption } from "../../../runtime/selinux/labels.ts";
import { reasonOf } from "../../../spec/error.ts";
import { invalid } from "./invalid.ts";
import { parseBool } from "./numbers.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** "default", "unconfined", or the JSON of a profile in Docker's format. */
  seccomp: string;
  /** Name of an AppArmor profile, or `unconfined`; empty: the default one. */
  appArmor: string;
  /** SELinux: `disable`, or `KEY:VALUE` of a label. Without effect where containers get no labels, as in Docker. */
  labels: string[];
  /** Whether the container may change its own cgroups; undefined: as --privileged has it. */
  writableCgroups?: boolean;
}

/** Asks for HostConfig.MaskedPaths and ReadonlyPaths to be empty, and is no part of HostConfig.SecurityOpt itself. */
export const OPEN_SYSTEM_PATHS = "systempaths=unconfined";

/** A flag's value as HostConfig.SecurityOpt holds it: a seccomp file is replaced by its content, `:` by `=`. */
export function parseSecurityOpt(text: string, read: (path: string) => Uint8Array): string {
  if (text === "no-new-privileges") return text;
  const match = /^([^:=]+)[:=](.*)$/s.exec(text);
  if (!match) throw invalid(`Invalid --security-opt: ${JSON.stringify(text)}`);
  const [, key, value] = match as unknown as [string, string, string];
  if (key === "seccomp" && value !== "unconfined" && value !== "builtin") return `seccomp=${profile(value, read)}`;
  const option = `${key}=${value}`;
  if (option !== OPEN_SYSTEM_PATHS) securityOptions([option]);
  return option;
}

function profile(path: string, read: (path: string) => Uint8Array): string {
  let content: string;
  try {
    content = new TextDecoder().decode(read(path));
  } catch (error) {
    throw invalid(`opening seccomp profile (${path}) failed: ${reasonOf(error)}`);
  }
  try {
    return JSON.stringify(JSON.parse(content));
  } catch (error) {
    throw invalid(`compacting json for seccomp profile (${path}) failed: ${(error as Error).message}`);
  }
}

/** What HostConfig.SecurityOpt asks for; an option that hoy cannot honour is an error. */
export function securityOptions(options: readonly string[]): SecurityOptions {
  const result: SecurityOptions = { noNewPrivileges: false, seccomp: "default", appArmor: "", labels: [] };
  for (const option of options) {
    const equals = option.indexOf("=");
    const key = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? "true" : option.slice(equals + 1);
    if (key === "no-new-privileges") result.noNewPrivileges = truth(value, option);
    else if (key === "writable-cgroups") result.writableCgroups = truth(value, option);
    else if (key === "seccomp") result.seccomp = value === "builtin" ? "default" : value;
    else if (key === "apparmor") result.appArmor = value;
    else if (key === "label") result.labels.push(checkLabelOption(value));
    else throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
  return result;
}

function truth(value: string, option: string): boolean {
  const parsed = parseBool(value);
  if (parsed === undefined) throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  return parsed;
}
