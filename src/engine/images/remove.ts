/** `rmi`. */
import type { Store } from "../../state/store.ts";
import { type ImageRemoval, removeImage } from "../../storage/image-remove.ts";
import { resolveImage } from "./find.ts";

export type { ImageRemoval } from "../../storage/image-remove.ts";

/** By name: takes the name off, and the image away with its last; by id: the image. Throws HoyError (404, 409). */
export const removeNamedImage = (store: Store, name: string, force: boolean): ImageRemoval[] =>
  removeImage(store, { ...resolveImage(store, name), name, force });
