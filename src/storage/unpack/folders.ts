/**
 * The folders of a layer while it is unpacked, as descriptors. Every path is walked by the kernel with the layer's folder as
 * its root (openat2, RESOLVE_IN_ROOT), so a link in the layer leads nowhere else, whenever it was made.
 */
import { chmodAt, mkdirAt, readLinkAt } from "../../../ffi/at.ts";
import { check, EEXIST, ELOOP, ENOENT, ENOTDIR, SysError } from "../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_PATH, openInRoot } from "../../../ffi/fd.ts";
import { HoyError } from "../../spec/error.ts";
import { shown } from "../tar/entry.ts";
import { cleanName, splitName } from "./names.ts";

export interface Folders extends Disposable {
  /** Descriptor of the folder with this cleaned path, made with its parents where missing. Valid for the next few calls. */
  open(path: string): number;
  /** Descriptor of a folder that must exist, else undefined. The same validity. */
  find(path: string): number | undefined;
  /** Forgets all descriptors: a folder or link on some path was replaced. */
  forget(): void;
  /** Cleaned paths of folders that were made without an entry of their own. */
  readonly implicit: Set<string>;
}

const FOLDER = O_PATH | O_DIRECTORY;
const MAX_OPEN = 64;
const MAX_LINKS = 40;

/**
 * `unhide` is asked when a name is taken: it may turn a whiteout into a folder, and says whether it did.
 */
export function layerFolders(root: number, unhide: (path: string, at: number, base: string) => boolean): Folders {
  const cache = new Map<string, Fd>();
  const implicit = new Set<string>();
  const strictUmask = (process.umask() & 0o755) !== 0;

  function remember(path: string, fd: number): number {
    if (cache.size >= MAX_OPEN) {
      const [oldest, old] = cache.entries().next().value as [string, Fd];
      old.close();
      cache.delete(oldest);
    }
    cache.set(path, new Fd(fd));
    return fd;
  }

  function find(path: string): number | undefined {
    if (path === "") return root;
    const known = cache.get(path);
    if (known) {
      // The newest last: a descriptor that was just given out is not the next to be closed.
      cache.delete(path);
      cache.set(path, known);
      return known.number;
    }
    const fd = openInRoot(root, path, FOLDER);
    if (fd === -ENOENT || fd === -ENOTDIR) return undefined;
    if (fd === -ELOOP) throw new HoyError(`layer entry below ${shown(path)}: too many levels of symbolic links`);
    return remember(path, check(fd, `open ${path}`));
  }

  function make(path: string, links: number): number {
    const found = find(path);
    if (found !== undefined) return found;
    const { parent, base } = splitName(path);
    const at = make(parent, links);
    const made = mkdirAt(at, base, 0o755);
    if (made === 0) {
      if (strictUmask) check(chmodAt(at, base, 0o755), `change the mode of ${path}`);
      implicit.add(path);
      const opened = find(path);
      if (opened !== undefined) return opened;
    } else if (made === -EEXIST && unhide(path, at, base)) {
      implicit.add(path);
      const opened = find(path);
      if (opened !== undefined) return opened;
    } else if (made !== -EEXIST) throw new SysError(`make folder ${path}`, -made);
    // A link to a folder that another layer has: its place in this layer is made, as containerd does.
    const target = readLinkAt(at, base);
    if (target === undefined || links === 0) throw new HoyError(`layer entry below ${shown(path)}: ${shown(path)} is not a directory`);
    make(cleanName(target.startsWith("/") ? target : `${parent}/${target}`), links - 1);
    const resolved = find(path);
    if (resolved === undefined) throw new HoyError(`layer entry below ${shown(path)}: ${shown(path)} is a link to nothing`);
    return resolved;
  }

  function forget(): void {
    for (const fd of cache.values()) fd.close();
    cache.clear();
  }

  return { open: (path) => make(path, MAX_LINKS), find, forget, implicit, [Symbol.dispose]: forget };
}
