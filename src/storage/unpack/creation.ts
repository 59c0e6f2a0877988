/**
 * What a new file has right from the call that makes it. Most files of most layers are root's and have a plain mode: then two
 * calls a file are left out, a third of all.
 */
import { statAt } from "../../../ffi/at.ts";
import { getXattr } from "../../../ffi/xattr.ts";
import type { TarEntry } from "../tar/entry.ts";

export interface Creation {
  /** The mode to create with: set-id bits come after the change of owner. */
  mode(entry: Pick<TarEntry, "mode">): number;
  /** True when the file has its mode already. */
  hasMode(entry: TarEntry): boolean;
  /** True when the file belongs to root:root already, and shall. */
  hasOwner(entry: TarEntry): boolean;
  /** To be told of each folder of the layer: what is made in it may inherit its group or its access list. */
  folder(entry: TarEntry): void;
}

const SPECIAL = 0o7000;
const SET_GROUP_ID = 0o2000;
const DEFAULT_ACL = "system.posix_acl_default";

/** For files in the open folder `root`. */
export function creation(root: number): Creation {
  const umask = process.umask();
  const status = statAt(root, "");
  const isRoot = process.geteuid?.() === 0 && process.getegid?.() === 0;
  // With set-group-ID on the folder, or on a file system with BSD groups, the group comes from the folder.
  let plainGroup = status !== undefined && status.gid === process.getegid?.() && (status.mode & SET_GROUP_ID) === 0;
  let plainModes = getXattr(root, DEFAULT_ACL) === undefined;
  return {
    mode: ({ mode }) => ((mode & SPECIAL) === 0 ? mode : 0o600),
    // A folder inherits set-group-ID along with the group.
    hasMode: ({ mode }) => plainModes && plainGroup && (mode & (SPECIAL | umask)) === 0,
    hasOwner: ({ uid, gid }) => isRoot && plainGroup && uid === 0 && gid === 0,
    folder({ gid, mode, xattrs }) {
      if (gid !== 0 || (mode & SET_GROUP_ID) !== 0) plainGroup = false;
      if (xattrs.size > 0) plainModes = false;
    },
  };
}
