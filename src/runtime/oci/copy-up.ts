/**
 * `tmpcopyup`: a tmpfs that begins as a copy of what the root file system has in its place (config.md, "Linux mount options"). hoy
 * fills it before the container's first process is there: that process has only a tape, which cannot walk a tree.
 */
import { copyFolder } from "../../../ffi/copy.ts";
import { check, ENOENT, ENOTDIR } from "../../../ffi/errno.ts";
import { Fd, O_DIRECTORY, O_PATH, O_RDONLY, open, openAt, openInRoot } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { newMount } from "../../../ffi/mount.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import type { IDMapping, Mount, Spec } from "../../spec/runtime.ts";
import { parseMountOptions } from "../plan/mount-options.ts";
import type { Bundle } from "./bundle.ts";
import { idMaps } from "./namespaces.ts";

/** Options of a tmpfs that its first folder gets, which the copy would change. */
const OWN: ReadonlySet<string> = new Set(["mode", "uid", "gid"]);

const clean = (path: string): string => `/${path.split("/").filter(Boolean).join("/")}`;

/** The folder that lies at the mount's place before it is mounted; undefined where there is none. Throws SysError. */
function openPlace({ spec, rootfs }: Pick<Bundle, "spec" | "rootfs">, mount: Mount): Fd | undefined {
  const mounts = spec.mounts ?? [];
  const path = clean(mount.destination);
  const covers = (above: Mount): boolean => path === clean(above.destination) || path.startsWith(`${clean(above.destination)}/`);
  const cover = mounts.slice(0, mounts.indexOf(mount)).findLast(covers);
  const { bind } = parseMountOptions(path, cover?.options ?? []);
  // a new file system that was mounted there before is empty
  if (cover && !bind && cover.type !== "bind") return undefined;
  using root = open(cover ? (cover.source ?? "") : rootfs, O_PATH | O_DIRECTORY);
  const below = path.slice(cover ? clean(cover.destination).length : 0).replace(/^\/+/, "");
  const found = openInRoot(root.number, below || ".", O_RDONLY | O_DIRECTORY);
  if (found === -ENOENT || found === -ENOTDIR) return undefined;
  return new Fd(check(found, `open ${path} in the root file system`));
}

/** An id that an option names counts in the container. */
function hostId(id: number, maps: readonly IDMapping[] | undefined): number {
  if (!maps) return id;
  const found = maps.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  if (!found) throw new HoyError(`the id ${id} is not mapped in the container's user namespace`, { status: 400 });
  return found.hostID + id - found.containerID;
}

/** Mode and owner that the options ask for, above those of the folder that was copied. */
function setOwn(folder: Fd, own: ReadonlyMap<string, string>, spec: Spec): void {
  const maps = idMaps(spec);
  const id = (name: "uid" | "gid"): number => {
    const value = own.get(name);
    return value === undefined ? -1 : hostId(Number(value), name === "uid" ? maps?.uidMaps : maps?.gidMaps);
  };
  if (own.has("uid") || own.has("gid")) check(sys(NR.fchown, folder.number, id("uid"), id("gid")), "chown the tmpfs");
  const mode = own.get("mode");
  if (mode !== undefined) check(sys(NR.fchmod, folder.number, Number.parseInt(mode, 8)), "chmod the tmpfs");
}

/**
 * The filled tmpfs, in no mount table; undefined where the root file system has no folder there, and an empty one will do.
 * Throws HoyError, and SysError for what cannot be copied.
 */
export function copyUp(bundle: Pick<Bundle, "spec" | "rootfs">, mount: Mount): Fd | undefined {
  const { destination, type, source } = mount;
  const { data } = parseMountOptions(destination, mount.options ?? []);
  if (type !== "tmpfs") throw new HoyError(`the mount on ${destination} is no tmpfs: "tmpcopyup" is for these alone`, { status: 400 });
  if (process.geteuid?.() !== 0)
    throw new HoyError(`the mount on ${destination}: "tmpcopyup" needs root, or root of a user namespace`, {
      hint: "podman unshare, for example, gives one",
    });
  using place = openPlace(bundle, mount);
  if (!place) return undefined;
  const words = data.map((word): [string, string | null] => {
    const equals = word.indexOf("=");
    return equals < 0 ? [word, null] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  const label = bundle.spec.linux?.mountLabel;
  const context: [string, string][] = label ? [["context", label]] : [];
  const made = newMount("tmpfs", [["source", source || "tmpfs"], ...words.filter(([key]) => !OWN.has(key)), ...context]);
  using folder = openAt(made.number, ".", O_RDONLY | O_DIRECTORY);
  copyFolder(place.number, folder.number);
  setOwn(folder, new Map(words.flatMap(([key, value]) => (value !== null && OWN.has(key) ? [[key, value] as const] : []))), bundle.spec);
  return made;
}
