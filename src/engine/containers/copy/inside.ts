/** The container's side of `cp`: every path is walked below the descriptor of its root (openat2(2), RESOLVE_IN_ROOT). */
import { type FileStatus, readLinkAt, S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, statAt } from "../../../../ffi/at.ts";
import { ENOENT, ENOTDIR, errnoWords } from "../../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_NOFOLLOW, O_PATH, openInRoot } from "../../../../ffi/fd.ts";
import { HoyError } from "../../../spec/error.ts";
import { isReadOnly } from "../../../storage/unpack/tree-writer.ts";
import type { View } from "../view.ts";
import { type Destination, splitEntry } from "./paths.ts";

export interface Inside {
  view: View;
  /** As the user named it. */
  container: string;
}

const MOST_LINKS = 40;

export const isFolder = ({ mode }: FileStatus): boolean => (mode & S_IFMT) === S_IFDIR;
const isLink = ({ mode }: FileStatus): boolean => (mode & S_IFMT) === S_IFLNK;

const missing = (path: string, container: string): HoyError =>
  new HoyError(`Could not find the file ${path} in container ${container}`, { status: 404 });

function opened(result: number, path: string, container: string): Fd {
  if (result === -ENOENT) throw missing(path, container);
  if (result < 0) throw new HoyError(`lstat ${path}: ${errnoWords(-result)}`, { status: 400 });
  return new Fd(result);
}

/** The file or folder at the path, with O_PATH. Throws HoyError. */
export function openInside({ view, container }: Inside, path: string, followLink: boolean): Fd {
  return opened(openInRoot(view.root.number, path, O_PATH | (followLink ? 0 : O_NOFOLLOW)), path, container);
}

/** Where the path leads, through links that need not lead to anything yet. Throws HoyError. */
export function insideDestination({ view, container }: Inside, path: string): Destination {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = openInRoot(view.root.number, at, O_PATH | O_NOFOLLOW);
    // a parent that is missing is told of when it is needed
    if (found === -ENOENT || found === -ENOTDIR) return { path: at, exists: false, isFolder: false };
    using handle = opened(found, at, container);
    const status = statAt(handle.number, "") as FileStatus;
    if (!isLink(status)) {
      if ([S_IFCHR, S_IFBLK].includes(status.mode & S_IFMT))
        throw new HoyError(`destination "${container}:${path}" must be a directory or a regular file: got a device`, { status: 400 });
      return { path: at, exists: true, isFolder: isFolder(status) };
    }
    const target = readLinkAt(handle.number, "") ?? "";
    at = target.startsWith("/") ? target : `${splitEntry(at).folder}/${target}`;
  }
  throw new HoyError(`too many links in ${path}`, { status: 400 });
}

/** The folder that the copy goes into. Throws HoyError for one that is missing, is none or may not be written to, in Docker's words. */
export function openTarget({ view, container }: Inside, path: string): Fd {
  const result = openInRoot(view.root.number, path, O_PATH | O_DIRECTORY);
  if (result === -ENOTDIR) throw new HoyError("extraction point is not a directory", { status: 400 });
  const folder = opened(result, path, container);
  if (!isReadOnly(folder.number)) return folder;
  const inRootfs = statAt(folder.number, "")?.fileSystem === statAt(view.root.number, "")?.fileSystem;
  folder.close();
  throw new HoyError(inRootfs ? "container rootfs is marked read-only" : "mounted volume is marked read-only", { status: 400 });
}
