/** Removing a tree by descriptors: never through a link, whatever its depth, with folders that nobody may read. */
import { basename, dirname } from "node:path";
import { chmodAt, type FolderEntry, isErrno, openFolderAt, readFolder, renameAt, rmdirAt, unlinkAt } from "../../ffi/at.ts";
import { check, EACCES, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from "../../ffi/errno.ts";
import { type Fd, O_DIRECTORY, O_PATH, open } from "../../ffi/fd.ts";

/** Levels that are walked with a descriptor each; what lies deeper is moved up first, as descriptors are few. */
const MAX_DEPTH = 64;

/** How often a folder is emptied again that others put files into. */
const MAX_TRIES = 100;

/** Removes `path` with all below it. A missing path is no error. Throws SysError. */
export function removeTree(path: string): void {
  let parent: Fd;
  try {
    parent = open(dirname(path), O_PATH | O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    throw error;
  }
  using _parent = parent;
  removeTreeAt(parent.number, basename(path));
}

/** Removes `name` below the open folder `at` with all below it. A missing name is no error. Throws SysError. */
export function removeTreeAt(at: number, name: string): void {
  const result = unlinkAt(at, name);
  if (result === 0 || result === -ENOENT) return;
  // POSIX has EPERM for unlink of a folder, Linux EISDIR.
  if (result !== -EISDIR && result !== -EPERM) check(result, `remove ${name}`);
  if (rmdirAt(at, name) === 0) return;
  let moved = 0;
  const moveUp = (from: number, child: string, top: number): void => {
    moved++;
    checkGone(renameAt(from, child, top, `.hoy-removed-${process.pid}-${moved}`), child);
  };
  for (let tries = 1; ; tries++) {
    for (let round = -1; round !== moved; ) {
      round = moved;
      emptyFolder({ at, name, depth: 0, top: undefined, moveUp });
    }
    const gone = rmdirAt(at, name);
    if (gone === -ENOENT) return;
    // Another process may put a file in between: a monitor its last record, a waiting hoy the lock that it waits for.
    if (gone !== -ENOTEMPTY || tries === MAX_TRIES) return void check(gone, `remove ${name}`);
  }
}

interface Walk {
  at: number;
  name: string;
  depth: number;
  /** The folder that the walk began in; undefined at its beginning. */
  top: number | undefined;
  moveUp: (from: number, child: string, top: number) => void;
}

/** Several may remove the same tree at once (a sweep beside an `rm`): what another one took away is no error. */
function checkGone(result: number, name: string): void {
  if (result !== -ENOENT) check(result, `remove ${name}`);
}

function emptyFolder({ at, name, depth, top, moveUp }: Walk): void {
  using folder = openReadable(at, name);
  if (!folder) return;
  const fd = folder.number;
  const root = top ?? fd;
  for (const child of childrenOf(fd)) {
    if (!child.directory) checkGone(unlinkAt(fd, child.name), child.name);
    else if (rmdirAt(fd, child.name) !== 0) {
      if (depth >= MAX_DEPTH) moveUp(fd, child.name, root);
      else {
        emptyFolder({ at: fd, name: child.name, depth: depth + 1, top: root, moveUp });
        checkGone(rmdirAt(fd, child.name), child.name);
      }
    }
  }
}

/** A folder that another one removed meanwhile has no children: getdents64(2) says ENOENT. */
function childrenOf(fd: number): FolderEntry[] {
  try {
    return readFolder(fd);
  } catch (error) {
    if (isErrno(error, ENOENT)) return [];
    throw error;
  }
}

/** An ordinary user may own folders that he cannot read: their mode is changed, as rm does not. Undefined: it is gone. */
function openReadable(at: number, name: string): Fd | undefined {
  try {
    const folder = openFolderAt(at, name);
    if (process.geteuid?.() !== 0) chmodAt(folder.number, ".", 0o700);
    return folder;
  } catch (error) {
    if (isErrno(error, ENOENT)) return undefined;
    if (!isErrno(error, EACCES)) throw error;
    const result = chmodAt(at, name, 0o700);
    if (result === -ENOENT) return undefined;
    if (result === -ENOTDIR) throw error;
    check(result, `remove ${name}`);
    return openFolderAt(at, name);
  }
}
