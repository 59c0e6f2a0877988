/**
 * linux.intelRdt: cache and memory bandwidth of a container, by its class of service in resctrl (runtime-spec config-linux.md,
 * "IntelRdt"; kernel Documentation/filesystems/resctrl.rst). A class is a folder of resctrl's; hoy does not mount the file system.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "../../../ffi/fs.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import type { IntelRdt } from "../../spec/runtime.ts";
import type { ContainerRecord } from "./record.ts";

/** What is kept of it in the record: absolute folders. */
export interface RdtGroups {
  /** The class, where the processes are. */
  group: string;
  /** It is the container's own, and goes with it. One that closID names is somebody else's to remove. */
  own: boolean;
  /** The group that counts what the container uses. */
  monitor?: string;
}

/** The mount point of a resctrl file system in /proc/self/mountinfo; undefined without one. */
export function resctrlMount(mountinfo: string): string | undefined {
  const line = mountinfo.split("\n").find((each) => each.split(" - ")[1]?.startsWith("resctrl "));
  return line?.split(" ")[4]?.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

const RESERVED: ReadonlySet<string> = new Set([".", "..", "info", "mon_groups", "mon_data"]);

/** Folder of the class below the mount point; `/` is the root's. Throws HoyError. */
export function className({ closID }: IntelRdt, id: string): string {
  const name = closID || id;
  if (name === "/") return "";
  if (RESERVED.has(name) || name.includes("/")) throw invalid(`closID ${JSON.stringify(name)} is not the name of a class of service`);
  return name;
}

/** Lines for the class's `schemata`: memory bandwidth among the cache's lines is ignored where it has a property of its own. */
export function schemataLines({ schemata = [], l3CacheSchema = "", memBwSchema = "" }: IntelRdt): string[] {
  const cache = l3CacheSchema.split("\n").filter((line) => memBwSchema === "" || !line.startsWith("MB:"));
  const bandwidth = memBwSchema.split("\n");
  const wrong = bandwidth.find((line) => line !== "" && !line.startsWith("MB:"));
  if (wrong !== undefined) throw invalid(`memBwSchema: ${JSON.stringify(wrong)} does not begin with MB:`);
  return [...schemata, ...cache, ...bandwidth].map((line) => line.trim()).filter(Boolean);
}

/** `L3:0=00f;1=ff` → the resource, and the value of each domain without leading zeros. */
function parseLine(line: string): { resource: string; domains: Map<string, string> } {
  const [resource = "", values = ""] = line.trim().split(":");
  const domains = values.split(";").map((entry): [string, string] => {
    const [domain = "", value = ""] = entry.split("=");
    return [
      domain.trim(),
      value
        .trim()
        .toLowerCase()
        .replace(/^0+(?=.)/, ""),
    ];
  });
  return { resource, domains: new Map(domains) };
}

/** The first wanted line that the kernel's `schemata` does not agree with; domains that a line does not name are free. */
export function disagreement(wanted: readonly string[], schemata: string): string | undefined {
  const present = new Map(schemata.split("\n").map((line) => [parseLine(line).resource, parseLine(line).domains]));
  return wanted.find((line) => {
    const { resource, domains } = parseLine(line);
    return [...domains].some(([domain, value]) => present.get(resource)?.get(domain) !== value);
  });
}

const invalid = (why: string): HoyError => new HoyError(`linux.intelRdt: ${why}`, { status: 400 });

/** The mount point. Throws HoyError where there is none. */
function requireResctrl(): string {
  const root = resctrlMount(readFileSync("/proc/self/mountinfo", "utf8"));
  if (root !== undefined) return root;
  const known = readFileSync("/proc/filesystems", "latin1").includes("\tresctrl");
  throw new HoyError(`linux.intelRdt: ${known ? "resctrl is not mounted" : "neither this kernel nor this CPU has resctrl"}`, {
    hint: known ? "mount -t resctrl resctrl /sys/fs/resctrl" : "take linux.intelRdt out of config.json: it needs Intel RDT or AMD QoS",
  });
}

/**
 * Makes or finds the class and its monitoring group. Nothing is left of it when it throws (HoyError: the class is missing, or has other
 * limits than those that are asked for; or the kernel refuses them).
 */
export function makeRdtGroups(rdt: IntelRdt, id: string, root: string = requireResctrl()): RdtGroups {
  const name = className(rdt, id);
  const lines = schemataLines(rdt);
  const group = name === "" ? root : `${root}/${name}`;
  const there = existsSync(`${group}/schemata`);
  if (!there && rdt.closID && lines.length === 0)
    throw invalid(`the class ${rdt.closID} is not there: without schemata it has to be made beforehand`);
  if (there && rdt.closID) {
    const other = disagreement(lines, readFileSync(`${group}/schemata`, "latin1"));
    if (other !== undefined) throw invalid(`the class ${rdt.closID} is there with other limits than ${other}`);
  }
  const groups: RdtGroups = { group, own: !rdt.closID };
  if (!there) makeFolder(group, root);
  try {
    if (!there || !rdt.closID) for (const line of lines) writeSchemata(group, line, root);
    if (rdt.enableMonitoring) {
      groups.monitor = `${group}/mon_groups/${id}`;
      makeFolder(groups.monitor, root);
    }
  } catch (error) {
    if (!there) rmdirSync(group);
    throw error;
  }
  return groups;
}

function makeFolder(path: string, root: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    throw refused(`cannot make ${path}`, error, root);
  }
}

function writeSchemata(group: string, line: string, root: string): void {
  try {
    writeFileSync(`${group}/schemata`, `${line}\n`);
  } catch (error) {
    throw refused(`the kernel refuses ${line}`, error, root);
  }
}

/** The kernel says more than an errno of what it refuses. */
function refused(what: string, error: unknown, root: string): HoyError {
  const file = `${root}/info/last_cmd_status`;
  const said = existsSync(file) ? readFileSync(file, "latin1").trim() : "";
  const why = said === "" || said === "ok" ? (error as Error).message : said;
  return new HoyError(`linux.intelRdt: ${what}: ${why}`, { cause: error });
}

/** The files in which a process's number puts it there, in the order of writing; 0 is the writer's own. */
export const rdtTasks = (groups: RdtGroups | undefined): string[] =>
  groups ? [groups.group, ...(groups.monitor === undefined ? [] : [groups.monitor])].map((folder) => `${folder}/tasks`) : [];

/** Puts the container's first process in, and so all that it starts. */
export function joinRdtGroups(groups: RdtGroups, pid: number): void {
  for (const file of rdtTasks(groups)) {
    try {
      writeFileSync(file, String(pid));
    } catch (error) {
      throw new HoyError(`linux.intelRdt: cannot add the container to ${file}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** Other limits for the class of a container. Throws HoyError: one that was made without linux.intelRdt has none. */
export function updateRdtGroup({ id, rdt }: Pick<ContainerRecord, "id" | "rdt">, change: IntelRdt, root: string = requireResctrl()): void {
  if (!rdt) throw invalid(`container ${id} has no class of service: its config.json has no linux.intelRdt`);
  for (const line of schemataLines(change)) writeSchemata(rdt.group, line, root);
}

/** Removes what the container has of its own; processes that are left fall back to the class above. */
export function removeRdtGroups({ rdt }: Pick<ContainerRecord, "rdt">): void {
  if (!rdt) return;
  for (const folder of [rdt.monitor, rdt.own ? rdt.group : undefined]) {
    // somebody else may have unmounted it, and all classes with it
    if (folder !== undefined && existsSync(folder)) rmdirSync(folder);
  }
}
