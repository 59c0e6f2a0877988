/**
 * Makes the files of one layer out of the parser's events, in the form that overlayfs takes as a lower folder.
 * Every call names a file by one component below a descriptor that `folders.ts` opened inside of the layer's root.
 */
import {
  linkAt,
  makeDevice,
  mkdirAt,
  mknodAt,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  statAt,
  symlinkAt,
  unlinkAt,
} from "../../../ffi/at.ts";
import { check, EEXIST, EINTR, EISDIR, ENOENT, EPERM, SysError } from "../../../ffi/errno.ts";
import { Fd, O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from "../../../ffi/fd.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { removeTreeAt } from "../remove.ts";
import { shown, type TarEntry } from "../tar/entry.ts";
import type { TarSink } from "../tar/parser.ts";
import { creation } from "./creation.ts";
import { layerFolders } from "./folders.ts";
import type { LowerLink } from "./lower-links.ts";
import { applyToFile, applyToFolder, applyToNode, type FolderLook, finishFolder, folderLook, folderMode } from "./metadata.ts";
import { cleanName, meaningOf, splitName } from "./names.ts";
import { overlayMarks } from "./overlay-marks.ts";
import { canChown, canMakeDevices } from "./ownership.ts";

export interface UnpackedLayer {
  /** Bytes of its files as readers see them. */
  size: number;
  entries: number;
  /** Cleaned paths of folders without an entry of their own ("" is the root): `settleLayer` gives them the look of those below. */
  implicit: string[];
  /** The root itself hides everything below, which overlayfs has no mark for. */
  opaqueRoot: boolean;
  /** Hard links to files that can only be in the layers below. */
  lowerLinks: LowerLink[];
}

/** Takes the members of the layer from the parser. */
export interface LayerWriter extends TarSink, Disposable {
  /** Everything that must wait for the end of the layer. */
  finish(): UnpackedLayer;
}

/** Starts to unpack into the open, empty folder `root`. All methods throw HoyError or SysError. */
export function layerWriter(root: number, rootless: boolean): LayerWriter {
  const marks = overlayMarks(rootless);
  const chown = canChown();
  const created = creation(root);
  const devices = !rootless && canMakeDevices();
  /** Folders with an entry of their own, whose times come last. */
  const timed = new Map<string, FolderLook>();
  const whiteouts = new Set<string>();
  const folders = layerFolders(root, (path, at, base) => {
    if (!whiteouts.has(path) || unlinkAt(at, base) !== 0) return false;
    check(mkdirAt(at, base, 0o755), `make folder ${shown(path)}`);
    marks.opaque(at, base);
    return true;
  });
  const pendingLinks: { clean: string; entry: TarEntry }[] = [];
  const lowerLinks: LowerLink[] = [];
  let opaqueRoot = false;
  let size = 0;
  let entries = 0;
  let file: { fd: Fd; entry: TarEntry; written: number } | undefined;

  /** Takes away what stands at a name; folders below which descriptors may be open included. */
  function clear(at: number, clean: string, base: string): void {
    const result = unlinkAt(at, base);
    if (result === 0) {
      // It may have been a link that other paths led through.
      folders.forget();
      return;
    }
    if (result === -ENOENT) return;
    if (result !== -EISDIR && result !== -EPERM) throw new SysError(`replace ${shown(clean)}`, -result);
    // `at` is one of the descriptors that are about to be closed.
    using parent = new Fd(check(sys(NR.dup, at), "dup"));
    folders.forget();
    removeTreeAt(parent.number, base);
    for (const known of [timed, folders.implicit]) {
      for (const path of known.keys()) if (path === clean || path.startsWith(`${clean}/`)) known.delete(path);
    }
  }

  /** Runs `make` for a new name, in the place of what may stand there. */
  function create(clean: string, make: (at: number, base: string) => number): { at: number; base: string; result: number } {
    const { parent, base } = splitName(clean);
    let at = folders.open(parent);
    let result = make(at, base);
    if (result === -EEXIST) {
      clear(at, clean, base);
      at = folders.open(parent);
      result = make(at, base);
    }
    return { at, base, result: check(result, `make ${shown(clean)}`) };
  }

  function directory(entry: TarEntry, clean: string): void {
    const wanted = folderMode(entry, chown);
    created.folder(entry);
    if (clean === "") {
      applyToFolder(entry, { at: root, base: ".", owner: chown, mode: wanted });
    } else {
      const { parent, base } = splitName(clean);
      const mode = created.mode({ mode: wanted });
      const at = folders.open(parent);
      const made = mkdirAt(at, base, mode);
      const existed = made === -EEXIST && ((statAt(at, base)?.mode ?? 0) & S_IFMT) === S_IFDIR;
      if (made !== 0 && !existed) create(clean, (folder, name) => mkdirAt(folder, name, mode));
      const now = folders.open(parent);
      // What the whiteout hid must not shine through the folder that took its place.
      if (whiteouts.has(clean)) marks.opaque(now, base);
      applyToFolder(entry, {
        at: now,
        base,
        owner: chown && (existed || !created.hasOwner(entry)),
        mode: existed || !created.hasMode(entry) ? wanted : undefined,
      });
    }
    folders.implicit.delete(clean);
    timed.set(clean, folderLook(entry));
  }

  function whiteout(parent: string, name: string): void {
    const clean = parent === "" ? name : `${parent}/${name}`;
    whiteouts.add(clean);
    const at = folders.open(parent);
    // This layer's own file stays, it hides the lower one anyway; its own folder must not be merged with the lower one.
    if (!marks.whiteout(at, name) && ((statAt(at, name)?.mode ?? 0) & S_IFMT) === S_IFDIR) marks.opaque(at, name);
  }

  function hardlink(entry: TarEntry, clean: string): boolean {
    const target = cleanName(entry.linkName);
    if (target === clean) return true;
    const { parent, base } = splitName(target);
    const from = folders.find(parent);
    const status = from === undefined || target === "" ? undefined : statAt(from, base);
    if (!status) return false;
    if ((status.mode & S_IFMT) === S_IFDIR)
      throw new HoyError(`layer entry ${shown(entry.name)} is a hard link to the directory ${shown(entry.linkName)}`);
    create(clean, (at, name) => {
      const source = folders.find(parent);
      return source === undefined ? -ENOENT : linkAt(source, base, at, name);
    });
    return true;
  }

  function node(entry: TarEntry, clean: string): void {
    let make: (at: number, base: string) => number;
    if (entry.type === "symlink") {
      if (entry.linkName === "" || entry.linkName.length > 4095)
        throw new HoyError(
          `layer entry ${shown(entry.name)} is a symbolic link to ${entry.linkName === "" ? "nothing" : "a name that is too long"}`,
        );
      make = (at, base) => symlinkAt(entry.linkName, at, base);
    } else {
      // A user cannot make device nodes, nor root in somebody's namespace; the runtime gives containers their own.
      if (entry.type !== "fifo" && !devices) return;
      const kind = entry.type === "fifo" ? S_IFIFO : entry.type === "block" ? S_IFBLK : S_IFCHR;
      const device = entry.type === "fifo" ? 0 : makeDevice(entry.deviceMajor, entry.deviceMinor);
      make = (at, base) => mknodAt(at, base, kind | 0o600, device);
    }
    const { at, base } = create(clean, make);
    applyToNode(at, base, entry, chown);
  }

  function openFile(entry: TarEntry, clean: string): void {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const { result } = create(clean, (at, base) => sys(NR.openat, at, cstr(base), flags, created.mode(entry)));
    file = { fd: new Fd(result), entry, written: 0 };
    size += entry.size;
  }

  function member(entry: TarEntry, clean: string): void {
    if (entry.type === "directory") directory(entry, clean);
    else if (clean === "") throw new HoyError(`layer entry ${shown(entry.name)} would replace the root folder`);
    else if (entry.type === "file") openFile(entry, clean);
    else if (entry.type === "other") throw new HoyError(`layer entry ${shown(entry.name)} has the unknown type ${shown(entry.flag)}`);
    else if (entry.type !== "hardlink") node(entry, clean);
    else if (!hardlink(entry, clean)) pendingLinks.push({ clean, entry });
  }

  function entry(next: TarEntry): void {
    entries++;
    const clean = cleanName(next.name);
    const meaning = meaningOf(clean);
    const { parent } = splitName(clean);
    if (meaning.kind === "member") member(next, clean);
    else if (meaning.kind === "whiteout") whiteout(parent, meaning.name);
    else if (meaning.kind === "opaque") {
      if (parent === "") opaqueRoot = true;
      else marks.opaque(folders.open(parent), ".");
    }
  }

  function data(bytes: Buffer, offset: number): void {
    if (!file) return;
    for (let done = 0; done < bytes.length; ) {
      const written = sys(NR.pwrite64, file.fd.number, bytes.subarray(done) as NodeJS.TypedArray, bytes.length - done, offset + done);
      if (written === -EINTR) continue;
      done += check(written, `write ${shown(file.entry.name)}`);
    }
    file.written = offset + bytes.length;
  }

  function end(): void {
    if (!file) return;
    const { fd, entry, written } = file;
    file = undefined;
    using _fd = fd;
    if (written < entry.size) check(sys(NR.ftruncate, fd.number, entry.size), `write ${shown(entry.name)}`);
    applyToFile(fd.number, entry, { owner: chown && !created.hasOwner(entry), mode: !created.hasMode(entry) });
  }

  function finish(): UnpackedLayer {
    for (const { clean, entry } of pendingLinks) {
      if (hardlink(entry, clean)) continue;
      folders.open(splitName(clean).parent);
      lowerLinks.push({ path: clean, target: cleanName(entry.linkName) });
    }
    // Deepest first: giving a folder its time touches no other, but a mode without x would lock an ordinary user out.
    for (const clean of [...timed.keys()].sort().reverse()) {
      const look = timed.get(clean) as FolderLook;
      const { parent, base } = splitName(clean);
      const at = clean === "" ? root : folders.find(parent);
      if (at !== undefined && (clean === "" || ((statAt(at, base)?.mode ?? 0) & S_IFMT) === S_IFDIR))
        finishFolder(at, base || ".", look, chown);
    }
    if (!timed.has("")) folders.implicit.add("");
    return { size, entries, implicit: [...folders.implicit], opaqueRoot, lowerLinks };
  }

  return {
    entry,
    data,
    end,
    finish,
    [Symbol.dispose]() {
      file?.fd.close();
      folders[Symbol.dispose]();
    },
  };
}
