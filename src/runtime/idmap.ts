/** The ids of an ordinary user's namespace: root is the user, the rest comes from /etc/subuid and /etc/subgid (subuid(5), user_namespaces(7)). */
import { existsSync, readFileSync, writeFileSync } from "../../ffi/fs.ts";
import { failureOf, HoyError } from "../spec/error.ts";
import type { IDMapping } from "../spec/runtime.ts";

export interface IdentityMaps {
  uidMaps: IDMapping[];
  gidMaps: IDMapping[];
  /** More than the user's own id: only the set-uid programs newuidmap and newgidmap may write them. */
  needsHelpers: boolean;
}

export interface Identity {
  uid: number;
  gid: number;
  /** As in /etc/passwd; "" when it has no entry. */
  name: string;
}

interface Range {
  start: number;
  count: number;
}

/** Ranges of a user in /etc/subuid or /etc/subgid: lines `name-or-uid:start:count`. */
export function parseRanges(text: string, { uid, name }: Pick<Identity, "uid" | "name">): Range[] {
  const ranges: Range[] = [];
  for (const line of text.split("\n")) {
    const [owner, start = "", count = ""] = line.trim().split(":");
    if ((owner !== name || name === "") && owner !== String(uid)) continue;
    if (!/^\d+$/.test(start) || !/^\d+$/.test(count) || Number(count) === 0) continue;
    ranges.push({ start: Number(start), count: Number(count) });
  }
  return ranges;
}

/**
 * 0 is the user itself; 1 and up are the ranges, one after the other. A range that overlaps another one (the same one listed by
 * name and by number, for example) is left out: the kernel refuses a host id that is mapped twice.
 */
function mapsOf(own: number, ranges: readonly Range[]): IDMapping[] {
  const maps: IDMapping[] = [{ containerID: 0, hostID: own, size: 1 }];
  let next = 1;
  for (const { start, count } of ranges) {
    if (maps.some(({ hostID, size }) => start < hostID + size && hostID < start + count)) continue;
    maps.push({ containerID: next, hostID: start, size: count });
    next += count;
  }
  return maps;
}

const readOrEmpty = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** What the host gives to ordinary users. */
export interface HostIds {
  /** Texts of /etc/subuid and /etc/subgid. */
  subuid: string;
  subgid: string;
  /** newuidmap and newgidmap are installed. */
  helpers: boolean;
}

/** The maps of a user on such a host. Without ranges for both, or without the programs, there is a single id. */
export function mapIdentity(identity: Identity, { subuid, subgid, helpers }: HostIds): IdentityMaps {
  const users = parseRanges(subuid, identity);
  const groups = parseRanges(subgid, identity);
  const ranged = helpers && users.length > 0 && groups.length > 0;
  return {
    uidMaps: mapsOf(identity.uid, ranged ? users : []),
    gidMaps: mapsOf(identity.gid, ranged ? groups : []),
    needsHelpers: ranged,
  };
}

/**
 * Who runs this process. Not os.userInfo(): Bun takes its user name from $USER, which sudo, su and cron leave out or wrong.
 * Users that /etc/passwd does not list (from LDAP, say) are known by $USER; newuidmap checks the name itself.
 */
export function ownIdentity(passwd = readOrEmpty("/etc/passwd")): Identity {
  const uid = process.getuid?.() ?? 0;
  const entry = passwd.split("\n").find((line) => line.split(":")[2] === String(uid));
  return { uid, gid: process.getgid?.() ?? 0, name: entry?.split(":")[0] ?? process.env.USER ?? "" };
}

/** The maps of a user on this host. */
export const identityMaps = (identity: Identity): IdentityMaps =>
  mapIdentity(identity, {
    subuid: readOrEmpty("/etc/subuid"),
    subgid: readOrEmpty("/etc/subgid"),
    helpers: Bun.which("newuidmap") !== null && Bun.which("newgidmap") !== null,
  });

/** `newuidmap PID 0 1000 1 1 100000 65536`, see newuidmap(1). */
export const helperCommand = (program: string, pid: number, maps: readonly IDMapping[]): string[] => [
  // By its path, as some distributions keep set-uid programs in a folder of their own.
  Bun.which(program) ?? program,
  String(pid),
  ...maps.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String)),
];

function runHelper(program: string, pid: number, maps: readonly IDMapping[], file: string): void {
  const { exitCode, stderr } = Bun.spawnSync(helperCommand(program, pid, maps), {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  if (exitCode === 0) return;
  const why = stderr.toString().trim().split("\n")[0] ?? "";
  throw new HoyError(`${program} cannot set up the user's namespace: ${why}`, {
    hint: `check that ${program} is set-uid root and that ${file} has a range of yours that nobody else has`,
  });
}

const line = ({ containerID, hostID, size }: IDMapping): string => `${containerID} ${hostID} ${size}`;

/** Writes the maps of a process that has just entered a user namespace of its own. Throws HoyError. */
export function writeMaps(pid: number, { uidMaps, gidMaps, needsHelpers }: IdentityMaps): void {
  if (needsHelpers) {
    runHelper("newgidmap", pid, gidMaps, "/etc/subgid");
    runHelper("newuidmap", pid, uidMaps, "/etc/subuid");
    return;
  }
  try {
    // an ordinary user may map its own group only where groups cannot be dropped
    writeFileSync(`/proc/${pid}/setgroups`, "deny");
    writeFileSync(`/proc/${pid}/gid_map`, gidMaps.map(line).join("\n"));
    writeFileSync(`/proc/${pid}/uid_map`, uidMaps.map(line).join("\n"));
  } catch (error) {
    throw new HoyError(`cannot set up the user's namespace: ${failureOf(error)}`, { cause: error });
  }
}
