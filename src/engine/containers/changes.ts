/**
 * `diff`: what a container changed in its image's files, told from its own layer as moby's archive.ChangesDirs tells it from two trees:
 * a file counts as changed by its look (owner, mode, and but for folders size and time), a folder also by what is in it.
 */

import { join } from "node:path";
import {
  type FileStatus,
  openFolderAt,
  readFolder,
  readLinkAt,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statAt,
} from "../../../ffi/at.ts";
import { O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { existsSync } from "../../../ffi/fs.ts";
import { encodeName } from "../../../ffi/names.ts";
import { getXattr } from "../../../ffi/xattr.ts";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { overlayMarks, pathIn } from "../../storage/unpack/overlay-marks.ts";
import { isEnginesOwn } from "./init-files.ts";
import { openImageRoot } from "./rootfs.ts";
import { type ContainerRow, dataFolder } from "./row.ts";

export interface Change {
  kind: "A" | "C" | "D";
  /** Absolute in the container. */
  path: string;
}

/** All changes, folders before what is in them. Throws HoyError or SysError. */
export function containerChanges(store: Store, row: ContainerRow): Change[] {
  const upper = join(dataFolder(store, row.id), "upper");
  if (row.options.rootfs === "/")
    throw new HoyError("diff does not work on a container over --rootfs /", {
      status: 400,
      hint: "its files are in several places of the host",
    });
  if (!existsSync(upper)) return [];
  using mine = open(upper, O_RDONLY | O_DIRECTORY);
  using image = openImageRoot(store, row);
  return changesIn(mine.number, image.number, overlayMarks(store.rootless).prefix);
}

/** The changes that the open folder `upper` of an overlay means over `lower`; `prefix` is that of its attributes. */
export function changesIn(upper: number, lower: number, prefix: string): Change[] {
  return walk({ upper, lower, path: "", prefix });
}

/** `C /etc`, with the bytes of the name as they are. */
export const changeLine = ({ kind, path }: Change): Buffer => Buffer.concat([Buffer.from(`${kind} `), encodeName(path), Buffer.from("\n")]);

interface Level {
  upper: number;
  /** Undefined where the image has no such folder. */
  lower: number | undefined;
  /** `etc/ssl`, "" for the root. */
  path: string;
  prefix: string;
}

function walk(level: Level): Change[] {
  const { upper, lower, path, prefix } = level;
  const changes: Change[] = [];
  const names = readFolder(upper)
    .map(({ name }) => name)
    .sort();
  for (const name of names) {
    const now = statAt(upper, name);
    const before = lower === undefined ? undefined : statAt(lower, name);
    if (now) changes.push(...entry(level, name, { now, before }));
  }
  // What an opaque folder does not have is gone, though nothing says so of each file.
  if (lower !== undefined && getXattr(pathIn(upper, "."), `${prefix}opaque`)?.toString() === "y") {
    const kept = new Set(names);
    for (const { name } of readFolder(lower)) if (!kept.has(name)) changes.push({ kind: "D", path: absolute(path, name) });
    changes.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
  return changes;
}

const absolute = (folder: string, name: string): string => `/${folder === "" ? "" : `${folder}/`}${name}`;

interface Pair {
  now: FileStatus;
  before: FileStatus | undefined;
}

const isFolder = (status: FileStatus | undefined): boolean => status !== undefined && (status.mode & S_IFMT) === S_IFDIR;

function entry(level: Level, name: string, { now, before }: Pair): Change[] {
  const { upper, lower, path, prefix } = level;
  const at = absolute(path, name);
  if (isWhiteout(level, name, now)) return before ? [{ kind: "D", path: at }] : [];
  const own = !before && isEnginesOwn(at, look(upper, name, now));
  const mine: Change[] = own
    ? []
    : !before
      ? [{ kind: "A", path: at }]
      : differs({ now, before }) || capabilities(upper, name) !== capabilities(lower as number, name)
        ? [{ kind: "C", path: at }]
        : [];
  if (!isFolder(now)) return mine;
  using inner = openFolderAt(upper, name);
  using below = isFolder(before) ? openFolderAt(lower as number, name) : undefined;
  const inside = walk({ upper: inner.number, lower: below?.number, path: at.slice(1), prefix });
  if (inside.length > 0 && mine.length === 0) mine.push({ kind: "C", path: at });
  return [...mine, ...inside];
}

function isWhiteout({ upper, prefix }: Level, name: string, { mode, size, deviceMajor, deviceMinor }: FileStatus): boolean {
  const kind = mode & S_IFMT;
  if (kind === S_IFCHR) return deviceMajor === 0 && deviceMinor === 0;
  return kind === S_IFREG && size === 0 && getXattr(pathIn(upper, name), `${prefix}whiteout`)?.toString() === "y";
}

const look = (at: number, name: string, { mode, size }: FileStatus) => ({
  folder: (mode & S_IFMT) === S_IFDIR,
  size,
  link: (mode & S_IFMT) === S_IFLNK ? readLinkAt(at, name) : undefined,
});

/** moby's statDifferent. */
function differs({ now, before }: { now: FileStatus; before: FileStatus }): boolean {
  if (now.mode !== before.mode || now.uid !== before.uid || now.gid !== before.gid) return true;
  if (now.deviceMajor !== before.deviceMajor || now.deviceMinor !== before.deviceMinor) return true;
  return !isFolder(now) && (now.size !== before.size || !sameTime(now.mtime, before.mtime));
}

const SECOND = 1_000_000_000n;

/** Some writers of tars know whole seconds only. */
const sameTime = (a: bigint, b: bigint): boolean => a === b || (a / SECOND === b / SECOND && (a % SECOND === 0n || b % SECOND === 0n));

const capabilities = (at: number, name: string): string => getXattr(pathIn(at, name), "security.capability")?.toString("hex") ?? "";
