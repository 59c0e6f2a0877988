/** The host's side of `cp`. */
import { type Fd, O_NOFOLLOW, O_PATH, open } from "../../../../ffi/fd.ts";
import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from "../../../../ffi/fs.ts";
import { failureOf, HoyError } from "../../../spec/error.ts";
import { absolute, type Destination, splitEntry } from "./paths.ts";

const MOST_LINKS = 10;

/** Failures of looking at a path are the user's to act on. */
function told<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof HoyError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new HoyError(failureOf(error), { status: 400, cause: error });
  }
}

/** The file or folder that is to be copied, as a descriptor with O_PATH. A last link is followed only when asked for. Throws HoyError. */
export function openSource(path: string, followLink: boolean): Fd {
  return told(() => {
    lstatSync(path); // for its words where there is none
    return open(path, O_PATH | (followLink ? 0 : O_NOFOLLOW));
  });
}

/** What moby's ValidateOutputPath refuses before anything else. `path` is absolute. Throws HoyError. */
export function checkOutput(path: string): void {
  const { folder } = splitEntry(path);
  told(() => {
    if (!statSync(folder, { throwIfNoEntry: false }))
      throw new HoyError(`invalid output path: directory ${JSON.stringify(folder)} does not exist`, { status: 400 });
    const found = statSync(path, { throwIfNoEntry: false });
    if (found && !found.isDirectory() && !found.isFile())
      throw new HoyError(`invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got ${kindOf(found)}`, {
        status: 400,
      });
  });
}

const kindOf = (found: Stats): string => (found.isFIFO() ? "a pipe" : "a device");

/** Where the path leads, through links that need not lead to anything yet. Throws HoyError. */
export function hostDestination(path: string): Destination {
  return told(() => {
    let at = path;
    for (let links = 0; ; links++) {
      const found = lstatSync(at, { throwIfNoEntry: false });
      if (found && !found.isSymbolicLink()) return { path: at, exists: true, isFolder: found.isDirectory() };
      if (!found) break;
      if (links > MOST_LINKS) throw new HoyError(`too many symlinks in ${path}`, { status: 400 });
      at = absolute(readlinkSync(at.replace(/\/+$/, "")), splitEntry(at).folder);
    }
    if (!statSync(splitEntry(at).folder).isDirectory()) throw new HoyError("not a directory", { status: 400 });
    return { path: at, exists: false, isFolder: false };
  });
}

/** The folder that the copy goes into, open. Its own path may be one of links: it is the user's word. */
export const openFolder = (path: string): Fd => told(() => open(realpathSync(path), O_PATH));
