/** What a tar archive says about one member, whatever dialect said it. */
import { HoyError } from "../../spec/error.ts";

export type TarType = "file" | "directory" | "symlink" | "hardlink" | "character" | "block" | "fifo" | "other";

/** A part of a sparse file that holds data. */
export interface Extent {
  offset: number;
  length: number;
}

export interface TarEntry {
  type: TarType;
  /** The type flag as it stood in the header, for messages about `other`. */
  flag: string;
  /** As written: may be absolute, hold `..` or end with a slash. Bytes that are no UTF-8: see ffi/names.ts. */
  name: string;
  /** Target of a symbolic or hard link. */
  linkName: string;
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  userName: string;
  groupName: string;
  /** Bytes of the file as a reader sees it: with the holes of a sparse one. */
  size: number;
  /** Nanoseconds since the epoch. */
  mtime: bigint;
  atime: bigint | undefined;
  deviceMajor: number;
  deviceMinor: number;
  xattrs: ReadonlyMap<string, Buffer>;
  /** Where the data of a sparse file lies; undefined for a plain one. */
  extents: readonly Extent[] | undefined;
}

export const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** A name as a message shows it: quoted, nothing unprintable, not too long. */
export const shown = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name.toWellFormed());

/** `corrupt archive: "usr/bin/x": …` */
export const corrupt = (name: string, why: string): HoyError => new HoyError(`corrupt archive: ${name ? `${shown(name)}: ` : ""}${why}`);
