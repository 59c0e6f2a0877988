/** Which paths `cp` means: docker/cli cli/command/container/cp.go, moby pkg/archive/copy.go. Pure. */
import { posix } from "node:path";
import { HoyError } from "../../../spec/error.ts";

/** `CONTAINER:PATH`, or a path of the host's: an absolute one, one that begins with a dot, and what has no colon. */
export function splitArgument(text: string): { container: string | undefined; path: string } {
  const colon = text.indexOf(":");
  if (text.startsWith("/") || colon < 0 || text.slice(0, colon).startsWith(".")) return { container: undefined, path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

const endsInSlash = (path: string): boolean => path.endsWith("/");
/** True for `.`, `a/.` and `a/./`: what is in the folder, not the folder. */
export const isCurrent = (path: string): boolean => posix.basename(path) === ".";
export const asksForFolder = (path: string): boolean => endsInSlash(path) || isCurrent(path);

/** The path made absolute below `base` and clean, with the `/` or `/.` at its end that means something. */
export function absolute(path: string, base: string): string {
  let clean = posix.resolve(base, path);
  if (isCurrent(path) && !isCurrent(clean)) clean += endsInSlash(clean) ? "." : "/.";
  else if (endsInSlash(path) && !endsInSlash(clean)) clean += "/";
  return clean;
}

/** `/a/b` → `/a`, `b`; `/a/b/.` → `/a/b`, `.` */
export function splitEntry(path: string): { folder: string; base: string } {
  const end = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const slash = end.lastIndexOf("/");
  if (slash < 0) return { folder: ".", base: end };
  return { folder: end.slice(0, slash) || "/", base: end.slice(slash + 1) || "/" };
}

export interface Source {
  /** Last part of the path as it was asked for: `etc`, or `.` for what is in a folder. */
  base: string;
  isFolder: boolean;
}

export interface Destination {
  path: string;
  exists: boolean;
  isFolder: boolean;
}

export interface CopyPlan {
  /** Where the copy goes. */
  folder: string;
  /** What it is called there; `.` for what is in the source itself. */
  base: string;
}

/** Docker's table of cases (docs, `docker container cp`). Throws HoyError in its words. */
export function planCopy(source: Source, destination: Destination): CopyPlan {
  if (destination.exists && destination.isFolder) return { folder: destination.path, base: source.base === "/" ? "." : source.base };
  if (destination.exists && source.isFolder) throw refused("cannot copy directory");
  if (!destination.exists && !source.isFolder && asksForFolder(destination.path)) throw refused("no such directory");
  return splitEntry(destination.path);
}

const refused = (message: string): HoyError => new HoyError(message, { status: 400 });
