/** `history`: the steps that made an image, the newest first, with the sizes of the layers that they left. */
import type { Store } from "../../state/store.ts";
import { imageConfig } from "../../storage/images.ts";
import { imageLayers } from "../../storage/layers.ts";
import { resolveImage } from "./find.ts";

export interface HistoryStep {
  /** Of the image itself; undefined for the steps before it, whose images are not here. */
  id: string | undefined;
  /** Milliseconds since the epoch; 0 where it is not told. */
  created: number;
  createdBy: string;
  comment: string;
  /** Bytes. */
  size: number;
}

/** Throws HoyError `No such image: x`. Layers of an image without history have a step each. */
export function imageHistory(store: Store, name: string): HistoryStep[] {
  const { image } = resolveImage(store, name);
  const sizes = imageLayers(store, image.id).map(({ size }) => size);
  const told = imageConfig(store, image.id).history ?? [];
  let layer = 0;
  const steps = told.map(({ created, created_by = "", comment = "", empty_layer }) => ({
    id: undefined as string | undefined,
    created: created === undefined ? 0 : Date.parse(created) || 0,
    createdBy: created_by,
    comment,
    size: empty_layer ? 0 : (sizes[layer++] ?? 0),
  }));
  for (const size of sizes.slice(layer)) steps.push({ id: undefined, created: 0, createdBy: "", comment: "", size });
  const last = steps.at(-1);
  if (last) last.id = image.id;
  return steps.reverse();
}
