/** What a container takes on disk, for `inspect --size` and `ps --size`. */
import { join } from "node:path";
import type { Store } from "../../state/store.ts";
import { folderSize } from "../../storage/folder-size.ts";
import { findImageById } from "../../storage/images.ts";
import { initFilesSize } from "./init-files.ts";
import type { ContainerSize } from "./inspect.ts";
import { type ContainerRow, dataFolder } from "./row.ts";

/** Bytes of the files that the container wrote, and together with its image. */
export function containerSize(store: Store, row: ContainerRow): ContainerSize {
  const upper = join(dataFolder(store, row.id), "upper");
  const written = folderSize(upper) - initFilesSize(upper);
  const image = row.imageId === null ? 0 : (findImageById(store, row.imageId)?.size ?? 0);
  return { SizeRw: written, SizeRootFs: written + image };
}
