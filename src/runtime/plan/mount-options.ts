/** The option words of an OCI mount (runtime-spec, "Linux mount options"), sorted by which call of the new mount API takes them. */
import { HoyError } from "../../spec/error.ts";

const ATTR = {
  rdonly: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  noatime: 0x10,
  strictatime: 0x20,
  nodiratime: 0x80,
  nosymfollow: 0x200000,
};
/** MOUNT_ATTR__ATIME: to be cleared when one of the access time modes is set. */
const ATIME_MASK = 0x70;

const PROPAGATION: Record<string, { flag: number; recursive: boolean }> = {
  private: { flag: 1 << 18, recursive: false },
  rprivate: { flag: 1 << 18, recursive: true },
  slave: { flag: 1 << 19, recursive: false },
  rslave: { flag: 1 << 19, recursive: true },
  shared: { flag: 1 << 20, recursive: false },
  rshared: { flag: 1 << 20, recursive: true },
  unbindable: { flag: 1 << 17, recursive: false },
  runbindable: { flag: 1 << 17, recursive: true },
};

const SET: Record<string, number> = {
  ro: ATTR.rdonly,
  nosuid: ATTR.nosuid,
  nodev: ATTR.nodev,
  noexec: ATTR.noexec,
  noatime: ATTR.noatime,
  strictatime: ATTR.strictatime,
  nodiratime: ATTR.nodiratime,
  nosymfollow: ATTR.nosymfollow,
  relatime: 0,
};
const CLEAR: Record<string, number> = {
  rw: ATTR.rdonly,
  suid: ATTR.nosuid,
  dev: ATTR.nodev,
  exec: ATTR.noexec,
  atime: ATTR.noatime,
  nostrictatime: ATTR.strictatime,
  diratime: ATTR.nodiratime,
  symfollow: ATTR.nosymfollow,
};
/** Words that say nothing here: defaults, or for programs that read /etc/fstab. */
const IDLE = new Set(["defaults", "norelatime", "async", "noauto", "nouser", "nofail", "_netdev"]);

/** All words that mean something here, for `features`. */
export const mountWords = (): string[] =>
  [
    "bind",
    "rbind",
    ...Object.keys(PROPAGATION),
    ...[SET, CLEAR].flatMap((words) => Object.keys(words).flatMap((word) => [word, `r${word}`])),
    ...IDLE,
    "tmpcopyup",
    "idmap",
    "ridmap",
  ].filter((word) => !["_netdev", "nofail", "noauto", "nouser", "rnostrictatime"].includes(word));

export interface MountOptions {
  bind: boolean;
  recursive: boolean;
  /** MOUNT_ATTR_* for this mount. */
  set: number;
  clear: number;
  /** MOUNT_ATTR_* for this mount and all below it (rro, rnosuid …). */
  setRecursive: number;
  clearRecursive: number;
  propagation: { flag: number; recursive: boolean } | undefined;
  /** A tmpfs begins with what the root file system has in its place (config.md, "tmpcopyup"). */
  copyUp: boolean;
  /** The owners of the files are mapped, with those of the mounts below it where it is "ridmap". */
  idMap: "idmap" | "ridmap" | undefined;
  /** Words for the file system itself: `size=64m`, `newinstance`. */
  data: string[];
}

/** Sorts the option words; unknown ones belong to the file system, which is the judge of them. A bind takes none. */
export function parseMountOptions(destination: string, words: readonly string[]): MountOptions {
  const options: MountOptions = {
    bind: false,
    recursive: false,
    set: 0,
    clear: 0,
    setRecursive: 0,
    clearRecursive: 0,
    propagation: undefined,
    copyUp: false,
    idMap: undefined,
    data: [],
  };
  for (const word of words) {
    if (word === "bind" || word === "rbind") {
      options.bind = true;
      options.recursive ||= word === "rbind";
    } else if (word === "tmpcopyup") options.copyUp = true;
    else if (word === "idmap" || word === "ridmap") options.idMap = word;
    else if (word in PROPAGATION) options.propagation = PROPAGATION[word];
    else if (word in SET) {
      options.set |= SET[word] as number;
      options.clear &= ~(SET[word] as number);
    } else if (word in CLEAR) {
      options.clear |= CLEAR[word] as number;
      options.set &= ~(CLEAR[word] as number);
    } else if (word.startsWith("r") && word.slice(1) in SET) options.setRecursive |= SET[word.slice(1)] as number;
    else if (word.startsWith("r") && word.slice(1) in CLEAR) options.clearRecursive |= CLEAR[word.slice(1)] as number;
    else if (!IDLE.has(word)) options.data.push(word);
  }
  if (options.set & ATIME_MASK) options.clear |= ATIME_MASK;
  if (options.bind && options.data.length > 0)
    throw new HoyError(`the bind mount on ${destination} has an option that no bind takes: ${options.data[0]}`, { status: 400 });
  return options;
}
