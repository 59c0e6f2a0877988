/** Rules for the place in the container that a mount covers (moby daemon/volume/mounts/linux_parser.go). */
import { posix } from "node:path";
import { invalid } from "./invalid.ts";

/** Go's path.Clean: no `.`, `..`, doubled or trailing slashes. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** The clean target, or Docker's errors for one that is relative or the root itself. */
export function checkTarget(target: string): string {
  const path = cleanPath(target);
  if (path === "/") throw invalid("invalid specification: destination can't be '/'");
  checkAbsolute(target);
  return path;
}

export function checkAbsolute(path: string): void {
  if (!path.startsWith("/")) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
  if (path.includes("\0")) throw invalid(`invalid mount path: '${path.replaceAll("\0", "\\0")}' has a NUL byte`);
}
