/** A member out of its header block and the extended headers before it. */
import { decodeName } from "../../../ffi/names.ts";
import { corrupt, type Extent, NO_XATTRS, type TarEntry, type TarType } from "./entry.ts";
import type { RawHeader } from "./header.ts";
import { type PaxRecords, parsePaxTime } from "./pax.ts";
import { paxSparse } from "./sparse.ts";

const types: Record<string, TarType> = {
  "0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

export interface Extensions {
  globals: PaxRecords;
  pax: PaxRecords | undefined;
  longName: string | undefined;
  longLink: string | undefined;
}

export interface MadeEntry {
  entry: TarEntry;
  /** Bytes of the body in the archive. */
  stored: number;
  extents: Extent[] | undefined;
  /** Sparse format 1.0: the map is the head of the body. */
  mapInBody: boolean;
}

/** The next one means "none" to chown(2). */
const LARGEST_ID = 2 ** 32 - 2;
const SECOND = 1_000_000_000n;
const XATTR = "SCHILY.xattr.";

export function makeEntry(raw: RawHeader, extensions: Extensions): MadeEntry {
  const entry: TarEntry = {
    type: types[raw.flag] ?? "other",
    flag: raw.flag,
    name: extensions.longName ?? raw.name,
    linkName: extensions.longLink ?? raw.linkName,
    mode: raw.mode,
    uid: raw.uid,
    gid: raw.gid,
    userName: raw.userName,
    groupName: raw.groupName,
    size: raw.size,
    mtime: BigInt(raw.mtime) * SECOND,
    atime: undefined,
    deviceMajor: raw.deviceMajor,
    deviceMinor: raw.deviceMinor,
    xattrs: NO_XATTRS,
    extents: undefined,
  };
  let stored = raw.size;
  let extents: Extent[] | undefined;
  let mapInBody = false;
  const records = extensions.pax ? [...extensions.globals, ...extensions.pax] : extensions.globals;
  if (records.length > 0) {
    const xattrs = new Map<string, Buffer>();
    for (const [key, value] of records) {
      if (key.startsWith(XATTR)) xattrs.set(attributeName(entry, key), value);
      else applyRecord(entry, raw, key, value);
    }
    if (xattrs.size > 0) entry.xattrs = xattrs;
    stored = entry.size;
    const sparse = entry.type === "file" ? paxSparse(records, entry.name) : undefined;
    if (sparse) {
      if (sparse.name) entry.name = sparse.name;
      entry.size = sparse.size;
      extents = sparse.extents;
      mapInBody = extents === undefined;
    }
  }
  // A v7 writer marks a folder by the slash alone.
  if (entry.type === "file" && entry.name.endsWith("/")) entry.type = "directory";
  // As in Go: what is no file has no body, whatever its size says.
  if (entry.type !== "file" && entry.type !== "other") stored = entry.size = 0;
  for (const kind of ["uid", "gid"] as const)
    if (entry[kind] > LARGEST_ID) throw corrupt(entry.name, `its ${kind} ${entry[kind]} is larger than any`);
  if (entry.name.includes("\0") || entry.linkName.includes("\0")) throw corrupt(entry.name, "its name holds a NUL byte");
  return { entry, stored, extents, mapInBody };
}

/** One PAX record; an empty value takes the header's own value back. */
function applyRecord(entry: TarEntry, raw: RawHeader, key: string, value: Buffer): void {
  const text = () => decodeName(value);
  const empty = value.length === 0;
  switch (key) {
    case "path":
      entry.name = empty ? raw.name : text();
      return;
    case "linkpath":
      entry.linkName = empty ? raw.linkName : text();
      return;
    case "uname":
      entry.userName = empty ? raw.userName : text();
      return;
    case "gname":
      entry.groupName = empty ? raw.groupName : text();
      return;
    case "size":
      entry.size = empty ? raw.size : natural(value, entry.name, "its size");
      return;
    case "uid":
      entry.uid = empty ? raw.uid : natural(value, entry.name, "its uid");
      return;
    case "gid":
      entry.gid = empty ? raw.gid : natural(value, entry.name, "its gid");
      return;
    case "mtime":
      entry.mtime = empty ? BigInt(raw.mtime) * SECOND : time(value, entry.name);
      return;
    case "atime":
      entry.atime = empty ? undefined : time(value, entry.name);
      return;
  }
}

function attributeName(entry: TarEntry, key: string): string {
  const name = key.slice(XATTR.length);
  if (name === "" || name.includes("\0")) throw corrupt(entry.name, "an extended attribute without a name");
  return name;
}

function natural(value: Buffer, name: string, field: string): number {
  const text = value.toString("latin1");
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw corrupt(name, `${field} is no number`);
  return number;
}

function time(value: Buffer, name: string): bigint {
  const ns = parsePaxTime(value.toString("latin1"));
  if (ns === undefined) throw corrupt(name, "its time is no number");
  return ns;
}
