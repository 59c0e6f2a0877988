/**
 * Who a container's process is: Docker's USER and `--user`, looked up in the image's own etc/passwd and etc/group
 * (passwd(5), group(5); the rules are those of moby/sys/user GetExecUser).
 */
import { HoyError } from "../spec/error.ts";

export interface UserRequest {
  /** "", `user`, `uid`, `user:group`, `uid:gid`, `:group` and so on. */
  spec: string;
  /** Content of etc/passwd and etc/group; undefined where the image has none. */
  passwd?: string | undefined;
  group?: string | undefined;
  /** `--group-add`: names or numbers. */
  groupAdd?: readonly string[] | null;
}

export interface ResolvedUser {
  uid: number;
  gid: number;
  /** The group itself first, as Docker has it, so that dropping to a supplementary group cannot gain access (CVE-2022-36109). */
  additionalGids: number[];
  /** `/` for a user without an entry. */
  home: string;
  /** "" for a user without an entry. */
  name: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

const MAX_ID = 2 ** 31 - 1;

/** Digits as Go's Atoi takes them; undefined for a name. Throws for a number that is no id. */
function numericId(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id < 0 || id > MAX_ID) throw new HoyError(`uids and gids must be in range 0-${MAX_ID}`, { status: 400 });
  return id;
}

/** An id in a file; a line with anything else there is skipped, lest a broken number become root's. */
function fileId(text: string | undefined): number | undefined {
  if (!text || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function* fields(text: string | undefined): Generator<string[]> {
  for (const line of (text ?? "").split("\n")) {
    const trimmed = line.trim();
    if (trimmed && !trimmed.startsWith("#")) yield trimmed.split(":");
  }
}

function findUser(text: string | undefined, matches: (entry: PasswdEntry) => boolean): PasswdEntry | undefined {
  for (const [name = "", , uidText, gidText, , home = ""] of fields(text)) {
    const uid = fileId(uidText);
    const gid = fileId(gidText);
    if (uid === undefined || gid === undefined) continue;
    const entry = { name, uid, gid, home };
    if (matches(entry)) return entry;
  }
  return undefined;
}

function* groups(text: string | undefined): Generator<GroupEntry> {
  for (const [name = "", , gidText, members = ""] of fields(text)) {
    const gid = fileId(gidText);
    if (gid !== undefined) yield { name, gid, members: members.split(",") };
  }
}

/** A group by number, which needs no entry, or by name, which does. A number is never looked up as a name. */
function groupId(wanted: string, text: string | undefined): number {
  const number = numericId(wanted);
  if (number !== undefined) return number;
  for (const entry of groups(text)) if (entry.name === wanted) return entry.gid;
  throw new HoyError(`unable to find group ${wanted}: no matching entries in group file`, { status: 400 });
}

/**
 * A user given as a number is that number, with the group, home and memberships of its entry if there is one and group 0 if not;
 * it is never taken for a name (CVE-2016-3697). Memberships count only where no group is given.
 * Throws a HoyError for a name without an entry or a number out of range.
 */
export function resolveUser(request: UserRequest): ResolvedUser {
  const { spec, passwd, group } = request;
  const colon = spec.indexOf(":");
  const userText = colon < 0 ? spec : spec.slice(0, colon);
  const groupText = colon < 0 ? "" : spec.slice(colon + 1);

  const uid = userText === "" ? 0 : numericId(userText);
  const entry = findUser(passwd, (candidate) => (uid === undefined ? candidate.name === userText : candidate.uid === uid));
  if (!entry && uid === undefined) {
    throw new HoyError(`unable to find user ${userText}: no matching entries in passwd file`, { status: 400 });
  }
  const gid = groupText === "" ? (entry?.gid ?? 0) : groupId(groupText, group);
  const gids = new Set([gid]);
  if (groupText === "" && entry?.name) {
    for (const { gid: own, members } of groups(group)) if (members.includes(entry.name)) gids.add(own);
  }
  for (const added of request.groupAdd ?? []) gids.add(groupId(added, group));
  return { uid: entry?.uid ?? uid ?? 0, gid, additionalGids: [...gids], home: entry?.home || "/", name: entry?.name ?? "" };
}
