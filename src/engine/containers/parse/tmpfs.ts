/** `--tmpfs target[:options]`, and the options of a tmpfs mount (moby/sys mount.MergeTmpfsOptions, tmpfs(5)). */
import type { MountRequest, MountSpec } from "../options.ts";
import { invalid } from "./invalid.ts";
import { PROPAGATIONS } from "./propagation.ts";
import { checkTarget } from "./target.ts";

/** Flags of mount(8) by what they set: of one group the last wins. */
const FLAGS: Record<string, string> = {
  ro: "ro",
  rw: "ro",
  suid: "suid",
  nosuid: "suid",
  dev: "dev",
  nodev: "dev",
  exec: "exec",
  noexec: "exec",
  sync: "sync",
  async: "sync",
  dirsync: "dirsync",
  mand: "mand",
  nomand: "mand",
  atime: "atime",
  noatime: "atime",
  diratime: "diratime",
  nodiratime: "diratime",
  relatime: "relatime",
  norelatime: "relatime",
  strictatime: "strictatime",
  nostrictatime: "strictatime",
};
const VALUES = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];
const DEFAULTS = ["noexec", "nosuid", "nodev", "rprivate"];

/** The target and its options, the form in HostConfig.Tmpfs. */
export function parseTmpfs(text: string): [target: string, options: string] {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  const options = colon < 0 ? "" : text.slice(colon + 1);
  tmpfsRequest(target, options);
  return [target, options];
}

/** What an entry of HostConfig.Tmpfs asks for. */
export function tmpfsRequest(target: string, options: string): MountRequest {
  const tmpfs = mergeTmpfsOptions(options === "" ? [] : options.split(","));
  return {
    type: "tmpfs",
    source: "",
    target: checkTarget(target),
    readOnly: tmpfs.includes("ro"),
    mode: options,
    propagation: "",
    tmpfs,
  };
}

/** Docker's defaults and then the user's, without what later ones overrule; an unknown option is an error that names it. */
export function mergeTmpfsOptions(options: readonly string[]): string[] {
  const seen = new Set<string>();
  const merged: string[] = [];
  for (const option of [...DEFAULTS, ...options].reverse()) {
    if (option === "defaults") continue;
    const group = groupOf(option);
    if (seen.has(group)) continue;
    seen.add(group);
    merged.push(option);
  }
  return merged.reverse();
}

function groupOf(option: string): string {
  if (PROPAGATIONS.includes(option)) return "propagation";
  const flag = Object.hasOwn(FLAGS, option) ? FLAGS[option] : undefined;
  if (flag !== undefined) return flag;
  const equals = option.indexOf("=");
  const key = option.slice(0, equals);
  if (equals < 0 || !VALUES.includes(key)) throw invalid(`invalid tmpfs option ${JSON.stringify(option)}`);
  return `${key}=`;
}

/** The options of `--mount type=tmpfs`: read-only, size in bytes, mode. */
export function mountTmpfsOptions(options: NonNullable<MountSpec["TmpfsOptions"]>, readOnly: boolean): string[] {
  const mode = options.Mode ? [`mode=${options.Mode.toString(8)}`] : [];
  const size = options.SizeBytes ? [`size=${options.SizeBytes}`] : [];
  const more = (options.Options ?? []).map((pair) => pair.join("="));
  return mergeTmpfsOptions([...(readOnly ? ["ro"] : []), ...mode, ...size, ...more]);
}
