/**
 * Puts the members of an archive into a tree of files that is in use: a container's, whose processes may change it at the same time
 * and mean harm, or a folder of the host's. Unlike in a layer there are no whiteouts, and what is there is replaced as moby's
 * archive.Untar does it with NoOverwriteDirNonDir. No path is walked but by openat2(2); a name is made by one component below an open
 * folder, and changed by the descriptor of what was made, never by its name again (CVE-2018-15664, CVE-2021-41089).
 */
import {
  chmodAt,
  chownAt,
  isMountpoint,
  linkAt,
  makeDevice,
  mkdirAt,
  mknodAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  setTimes,
  statAt,
  symlinkAt,
  unlinkAt,
} from "../../../ffi/at.ts";
import { check, EBUSY, EEXIST, EINTR, EISDIR, ELOOP, ENOENT, ENOTDIR, EXDEV, SysError } from "../../../ffi/errno.ts";
import {
  Fd,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  openInRoot,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../../../ffi/fd.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { shown, type TarEntry } from "../tar/entry.ts";
import type { TarSink } from "../tar/parser.ts";
import { applyXattrs, atimeOf } from "./metadata.ts";
import { cleanName, splitName } from "./names.ts";
import { pathIn } from "./overlay-marks.ts";
import { canChown, canMakeDevices, checkChown } from "./ownership.ts";

export interface TreeTarget {
  /** The open folder that the archive goes into; names stay below it. */
  folder: number;
  /** What errors call it: `/data`. */
  path: string;
  /**
   * Where links among the folders on the way lead: undefined refuses them; else paths are `path` and the name below it, as seen from this
   * root.
   */
  root?: number;
  /** Whose the files become: as the archive says, the caller's, or one user's. */
  owner: "archive" | "caller" | { uid: number; gid: number };
}

export interface TreeWriter extends TarSink, Disposable {
  /** Times and modes of folders, which come last. */
  finish(): void;
}

const FOLDER = O_PATH | O_DIRECTORY | O_NOFOLLOW;
const LINKS_REFUSED = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
const MAX_OPEN = 64;
/** How often a name is cleared again that somebody else takes in between. */
const MAX_TRIES = 20;

/** Starts to unpack into the tree. All methods throw HoyError or SysError; what was made until then stays. */
export function treeWriter(given: TreeTarget): TreeWriter {
  const target = { ...given, path: given.path.replace(/(?:\/\.?)+$/, "") || "/" };
  const mayChown = target.owner !== "caller" && canChown();
  const devices = canMakeDevices();
  const folders = openFolders(target);
  const timed = new Map<string, TarEntry>();
  let file: { fd: Fd; entry: TarEntry; written: number } | undefined;

  const full = (clean: string): string => `${target.path === "/" ? "" : target.path}/${clean}`;

  const owned = (entry: TarEntry): TarEntry => (typeof target.owner === "object" ? { ...entry, ...target.owner } : entry);

  /** Throws where a folder and something else would take each other's place; true when the folder is there already. */
  function checkPlace(at: number, base: string, { entry, clean }: Placed): boolean {
    const existing = statAt(at, base);
    if (!existing) return false;
    const isFolder = (existing.mode & S_IFMT) === S_IFDIR;
    const wantsFolder = entry.type === "directory";
    if (isFolder === wantsFolder) return isFolder;
    const [old, young] = isFolder ? ["directory", "non-directory"] : ["non-directory", "directory"];
    throw new HoyError(`cannot overwrite ${old} ${shown(full(clean))} with ${young} ${shown(target.path)}`, { status: 400 });
  }

  /** Runs `make` for a name from which what stood there has been removed. */
  function create({ entry, clean }: Placed, make: (at: number, base: string) => number): { at: number; base: string; result: number } {
    const { parent, base } = splitName(clean);
    const at = folders.open(parent);
    for (let tries = 1; ; tries++) {
      checkPlace(at, base, { entry, clean });
      // in another mount namespace the kernel takes the mount away with the name
      if (isMountpoint(at, base)) throw new SysError(`unlinkat ${full(clean)}`, EBUSY);
      const gone = unlinkAt(at, base);
      if (gone !== 0 && gone !== -ENOENT && gone !== -EISDIR) throw new SysError(`unlinkat ${full(clean)}`, -gone);
      const result = make(at, base);
      if (result !== -EEXIST || tries === MAX_TRIES) return { at, base, result: check(result, `make ${full(clean)}`) };
    }
  }

  function directory(entry: TarEntry, clean: string): void {
    const { parent, base } = splitName(clean);
    const at = folders.open(parent);
    if (!checkPlace(at, base, { entry, clean })) {
      const made = mkdirAt(at, base, 0o700);
      if (made !== -EEXIST) check(made, `mkdir ${full(clean)}`);
    }
    using made = openMade(at, base, { flags: FOLDER, kind: S_IFDIR, path: full(clean) });
    const mine = owned(entry);
    if (mayChown) checkChown(chownAt(made.number, ".", mine.uid, mine.gid), mine);
    check(chmodAt(made.number, ".", entry.mode | 0o700), `chmod ${full(clean)}`);
    applyXattrs(pathIn(made.number, "."), entry);
    timed.set(clean, entry);
  }

  function symlink(entry: TarEntry, clean: string): void {
    const { at, base } = create({ entry, clean }, (folder, name) => symlinkAt(entry.linkName, folder, name));
    const mine = owned(entry);
    // these calls follow no last link, whatever has the name by now
    if (mayChown) checkChown(chownAt(at, base, mine.uid, mine.gid), mine);
    applyXattrs(pathIn(at, base), entry);
    setTimes(at, base, atimeOf(entry), entry.mtime);
  }

  function node(entry: TarEntry, clean: string): void {
    if (entry.type !== "fifo" && !devices)
      throw new HoyError(`cannot make the device ${shown(full(clean))}: only the host's root can`, { status: 400 });
    const kind = entry.type === "fifo" ? S_IFIFO : entry.type === "block" ? S_IFBLK : S_IFCHR;
    const device = entry.type === "fifo" ? 0 : makeDevice(entry.deviceMajor, entry.deviceMinor);
    const { at, base } = create({ entry, clean }, (folder, name) => mknodAt(folder, name, kind | 0o600, device));
    using made = openMade(at, base, { flags: O_PATH | O_NOFOLLOW, kind, path: full(clean) });
    const mine = owned(entry);
    if (mayChown) checkChown(sys(NR.fchownat, made.number, cstr(""), mine.uid, mine.gid, AT_EMPTY_PATH), mine);
    // through the descriptor: these follow the link of /proc to it, and the file itself is no link
    check(sys(NR.fchmodat, AT_FDCWD, cstr(made.path), entry.mode), `chmod ${full(clean)}`);
    setTimes(at, base, atimeOf(entry), entry.mtime);
  }

  function hardlink(entry: TarEntry, clean: string): void {
    const { parent, base } = splitName(cleanName(entry.linkName));
    if (cleanName(entry.linkName) === clean) return;
    create({ entry, clean }, (at, name) => linkAt(folders.open(parent), base, at, name));
  }

  function openFile(entry: TarEntry, clean: string): void {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const { result } = create({ entry, clean }, (at, base) => sys(NR.openat, at, cstr(base), flags, 0o600));
    file = { fd: new Fd(result), entry, written: 0 };
  }

  return {
    entry(entry) {
      const clean = cleanName(entry.name);
      if (clean === "") {
        if (entry.type === "directory") return;
        throw new HoyError(`cannot overwrite directory ${shown(target.path)} with non-directory ${shown(entry.name)}`, { status: 400 });
      }
      if (entry.type === "directory") directory(entry, clean);
      else if (entry.type === "file") openFile(entry, clean);
      else if (entry.type === "symlink") symlink(entry, clean);
      else if (entry.type === "hardlink") hardlink(entry, clean);
      else if (entry.type === "other") throw new HoyError(`unhandled tar header type ${entry.flag.charCodeAt(0)}`, { status: 400 });
      else node(entry, clean);
    },
    data(bytes, offset) {
      if (!file) return;
      for (let done = 0; done < bytes.length; ) {
        const written = sys(NR.pwrite64, file.fd.number, bytes.subarray(done) as NodeJS.TypedArray, bytes.length - done, offset + done);
        if (written === -EINTR) continue;
        done += check(written, `write ${file.entry.name}`);
      }
      file.written = offset + bytes.length;
    },
    end() {
      if (!file) return;
      const { fd, entry, written } = file;
      file = undefined;
      using _fd = fd;
      if (written < entry.size) check(sys(NR.ftruncate, fd.number, entry.size), `write ${entry.name}`);
      const mine = owned(entry);
      if (mayChown) checkChown(sys(NR.fchown, fd.number, mine.uid, mine.gid), mine);
      check(sys(NR.fchmod, fd.number, entry.mode), `chmod ${entry.name}`);
      applyXattrs(fd.number, entry);
      check(setTimes(fd.number, undefined, atimeOf(entry), entry.mtime), `set the times of ${entry.name}`);
    },
    finish() {
      for (const clean of [...timed.keys()].sort().reverse()) {
        const entry = timed.get(clean) as TarEntry;
        const found = folders.find(clean);
        // removed or replaced by somebody else meanwhile
        if (found === undefined) continue;
        check(chmodAt(found, ".", entry.mode), `chmod ${full(clean)}`);
        check(setTimes(found, ".", atimeOf(entry), entry.mtime), `set the times of ${full(clean)}`);
      }
    },
    [Symbol.dispose]() {
      file?.fd.close();
      folders[Symbol.dispose]();
    },
  };
}

interface Placed {
  entry: TarEntry;
  clean: string;
}

const AT_EMPTY_PATH = 0x1000;
const AT_FDCWD = -100;

/** What was just made, by its name: refused when somebody else has put something of another kind in its place. */
function openMade(at: number, base: string, { flags, kind, path }: { flags: number; kind: number; path: string }): Fd {
  const found = openInRoot(at, base, flags, 0, LINKS_REFUSED);
  const fd = found >= 0 ? new Fd(found) : undefined;
  if (fd && ((statAt(fd.number, "")?.mode ?? S_IFLNK) & S_IFMT) === kind) return fd;
  fd?.close();
  if (fd || [ELOOP, ENOTDIR, ENOENT].includes(-found)) throw new HoyError(`${shown(path)} was changed by somebody else meanwhile`);
  throw new SysError(`open ${path}`, -found);
}

interface OpenFolders extends Disposable {
  /** The folder with this cleaned path, made with its parents where missing. Valid for the next few calls. */
  open(clean: string): number;
  /** The folder, when there is one. */
  find(clean: string): number | undefined;
}

/** File systems of the kernel's own, where nothing is a file that could be copied to (magic.h). */
const KERNELS = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0xcafe4a11, 0x73636673, 0x6e736673]);

function openFolders({ folder, path, root }: TreeTarget): OpenFolders {
  const cache = new Map<string, Fd>();
  const base = path.endsWith("/") ? path : `${path}/`;
  refuseKernels(folder, path);

  const opened = (clean: string): number =>
    root === undefined
      ? openInRoot(folder, clean, FOLDER, 0, LINKS_REFUSED)
      : openInRoot(root, base + clean, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

  function find(clean: string): number | undefined {
    if (clean === "") return folder;
    const known = cache.get(clean);
    if (known) {
      cache.delete(clean);
      cache.set(clean, known);
      return known.number;
    }
    const found = opened(clean);
    if (found === -ENOENT) return undefined;
    if (found === -ELOOP || found === -EXDEV || found === -ENOTDIR)
      throw new HoyError(`cannot write below ${shown(base + clean)}: it is ${found === -ENOTDIR ? "no directory" : "a link"}`, {
        status: 400,
      });
    const fd = new Fd(check(found, `open ${base}${clean}`));
    refuseKernels(fd.number, base + clean);
    if (cache.size >= MAX_OPEN) {
      const [oldest, old] = cache.entries().next().value as [string, Fd];
      old.close();
      cache.delete(oldest);
    }
    cache.set(clean, fd);
    return fd.number;
  }

  function open(clean: string): number {
    for (let tries = 1; ; tries++) {
      const found = find(clean);
      if (found !== undefined) return found;
      const { parent, base: name } = splitName(clean);
      const made = mkdirAt(open(parent), name, 0o755);
      if (made !== -EEXIST) check(made, `mkdir ${base}${clean}`);
      if (tries === MAX_TRIES)
        throw new HoyError(`cannot make the folder ${shown(base + clean)}: a link to nothing has its name`, { status: 400 });
    }
  }

  return {
    open,
    find,
    [Symbol.dispose]() {
      for (const fd of cache.values()) fd.close();
    },
  };
}

const statfsBuffer = Buffer.alloc(120);

function refuseKernels(fd: number, path: string): void {
  check(sys(NR.fstatfs, fd, statfsBuffer), `statfs ${path}`);
  if (KERNELS.has(Number(statfsBuffer.readBigUInt64LE(0))))
    throw new HoyError(`${path}: nothing can be copied into a file system of the kernel's`, { status: 400 });
}

/** True when nothing can be made in the open folder, as its mount or its file system is read-only (statfs(2), f_flags). */
export function isReadOnly(fd: number): boolean {
  const ST_RDONLY = 1;
  check(sys(NR.fstatfs, fd, statfsBuffer), "statfs");
  return (statfsBuffer.readUInt32LE(80) & ST_RDONLY) !== 0;
}
