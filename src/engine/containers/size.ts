/** What a container takes on disk, for `inspect --size` and `ps --size`. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../state/store.ts";
import { findImageById } from "../../storage/images.ts";
import { initFilesSize } from "./init-files.ts";
import type { ContainerSize } from "./inspect.ts";
import { type ContainerRow, dataFolder } from "./row.ts";

/** Bytes of the files that the container wrote, and together with its image. */
export function containerSize(store: Store, row: ContainerRow): ContainerSize {
  const upper = join(dataFolder(store, row.id), "upper");
  const written = folderSize(upper, new Set()) - initFilesSize(upper);
  const image = row.imageId === null ? 0 : (findImageById(store, row.imageId)?.size ?? 0);
  return { SizeRw: written, SizeRootFs: written + image };
}

/** Sizes of the regular files and links; one with several names counts once. Links are not followed. */
function folderSize(folder: string, seen: Set<number>): number {
  let total = 0;
  for (const name of readdirSync(folder)) {
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
