/** The files of a log: log.json is being written, log.json.1 was before it, and so on. */
import { closeSync, existsSync, fstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoyError, reasonOf } from "../../../spec/error.ts";
import { tailOffset } from "./tail.ts";

export interface LogFile {
  fd: number;
  inode: number;
  /** Where to go on reading. */
  position: number;
}

const nameOf = (folder: string, number: number): string => join(folder, number === 0 ? "log.json" : `log.json.${number}`);

function openFile(folder: string, number: number): LogFile | undefined {
  try {
    const fd = openSync(nameOf(folder, number), "r");
    const found = fstatSync(fd);
    if (found.isFile()) return { fd, inode: found.ino, position: 0 };
    closeSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new HoyError(`cannot read the log ${nameOf(folder, number)}: ${reasonOf(error)}`, { cause: error });
  }
  throw new HoyError(`cannot read the log ${nameOf(folder, number)}: it is no file`);
}

/** All files, the oldest first, set to where the last `tail` entries begin (undefined: to their beginnings). */
export function openFiles(folder: string, tail: number | undefined): LogFile[] {
  const files: LogFile[] = [];
  let wanted = tail;
  for (let number = 0; wanted === undefined || wanted > 0 || number === 0; number++) {
    const file = openFile(folder, number);
    // While files are renamed, one number can be free for a moment; the next one tells whether there is more.
    if (!file && !existsSync(nameOf(folder, number + 1))) break;
    if (!file || files.some(({ inode }) => inode === file.inode)) {
      if (file) closeSync(file.fd);
      continue;
    }
    if (wanted !== undefined) {
      const { offset, found } = tailOffset(file.fd, wanted);
      file.position = offset;
      wanted -= Math.min(found, wanted);
    }
    files.unshift(file);
  }
  return files;
}

/** What follows `file` when it is no longer the one that is written: the files made since, the oldest first; undefined: still it. */
export function newerFiles(folder: string, file: LogFile | undefined): LogFile[] | undefined {
  const now = statSync(nameOf(folder, 0), { throwIfNoEntry: false });
  if (!now || now.ino === file?.inode) return undefined;
  const newer: LogFile[] = [];
  for (let number = 0; ; number++) {
    const next = openFile(folder, number);
    if (!next) break;
    if (next.inode === file?.inode) {
      closeSync(next.fd);
      break;
    }
    newer.unshift(next);
    // The file that was read may be gone altogether: then only the last one is sure to be unread.
    if (!file) break;
  }
  return newer;
}
