/** Small files of an image or container, read by hoy from outside: the content and the file's type are a stranger's choice. */

import { ENOENT, ENOTDIR, SysError } from "../../ffi/errno.ts";
import { Fd, O_PATH, openInRoot } from "../../ffi/fd.ts";
import { closeSync, fstatSync, openSync, readSync } from "../../ffi/fs.ts";
import { HoyError } from "../spec/error.ts";

/**
 * Content of the file `path` below the folder `root` (a descriptor), links followed as if `root` were `/`; undefined where there is none.
 * Throws a HoyError for what is no regular file (a fifo would block, a device act) or has more than `limit` bytes,
 * SysError where it cannot be opened.
 */
export function readInRoot(root: number, path: string, limit: number): Buffer | undefined {
  // O_PATH opens without acting; once it is known to be a file the same inode is opened again to be read.
  const found = openInRoot(root, path, O_PATH);
  if (found === -ENOENT || found === -ENOTDIR) return undefined;
  if (found < 0) throw new SysError(`open ${path} in the container's root`, -found);
  using handle = new Fd(found);
  const { size } = regular(handle.number, path, limit);
  const file = openSync(handle.path, "r");
  try {
    const content = Buffer.allocUnsafe(size);
    let length = 0;
    for (let got = -1; got !== 0 && length < size; length += got) got = readSync(file, content, length, size - length, path);
    return content.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function regular(fd: number, path: string, limit: number): { size: number } {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new HoyError(`${path} in the container's root is not a regular file`);
  if (stat.size > limit) throw new HoyError(`${path} in the container's root is too large: ${stat.size} bytes, at most ${limit}`);
  return stat;
}
