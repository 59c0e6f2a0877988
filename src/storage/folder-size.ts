/** What lies in a folder, in bytes. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Sizes of the regular files and links; one with several names counts once. Links are not followed, and what is removed meanwhile counts nothing. */
export function folderSize(folder: string, seen = new Set<number>()): number {
  let total = 0;
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) continue; // removed while we looked
    if (stat.isDirectory()) total += folderSize(path, seen);
    else if (stat.isFile() || stat.isSymbolicLink()) {
      if (stat.nlink > 1 && seen.has(stat.ino)) continue;
      if (stat.nlink > 1) seen.add(stat.ino);
      total += stat.size;
    }
  }
  return total;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
