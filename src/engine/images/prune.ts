/** `image prune`: images that no container uses, without a tag or, with `all`, whatever their names. */
import { HoyError } from "../../spec/error.ts";
import { recordPrune } from "../../state/events.ts";
import type { Store } from "../../state/store.ts";
import { collectGarbage } from "../../storage/collect.ts";
import { type ImageRemoval, removeImage } from "../../storage/image-remove.ts";
import { imageLayers } from "../../storage/layers.ts";
import { checkFilterNames, type Filters, matchesLabel } from "../filters.ts";
import { listedImages } from "./list.ts";

export interface PruneRequest {
  /** Not only those without a tag. */
  all: boolean;
  /** label, label! and until. */
  filters?: Filters;
}

export interface Pruned {
  removals: ImageRemoval[];
  /** Of the layers that went. */
  bytes: number;
}

/** Throws HoyError for an unknown filter. An image that a container takes at this moment stays. */
export function pruneImages(store: Store, { all, filters = new Map() }: PruneRequest): Pruned {
  checkFilterNames(filters, ["label", "label!", "until"]);
  const unwanted = filters.get("label!") ?? [];
  const known = new Map([...filters].filter(([name]) => name !== "label!"));
  const used = new Set(
    store.db
      .query("SELECT DISTINCT image_id AS id FROM image_users")
      .all()
      .map((row) => (row as { id: string }).id),
  );
  const pruned: Pruned = { removals: [], bytes: 0 };
  for (const { image, tags, labels } of listedImages(store, known)) {
    if (used.has(image.id) || (!all && tags.length > 0) || unwanted.some((label) => matchesLabel(label, labels))) continue;
    const sizes = new Map(imageLayers(store, image.id).map(({ chainId, size }) => [chainId, size]));
    const removals = removeUnused(store, image);
    for (const removal of removals) if ("deleted" in removal) pruned.bytes += sizes.get(removal.deleted) ?? 0;
    pruned.removals.push(...removals);
  }
  // What a killed pull got so far belongs to no image.
  pruned.bytes += collectGarbage(store).bytes;
  recordPrune(store, "image", pruned.bytes);
  return pruned;
}

function removeUnused(store: Store, image: Parameters<typeof removeImage>[1]["image"]): ImageRemoval[] {
  try {
    return removeImage(store, { image, name: image.id, force: true });
  } catch (error) {
    if (error instanceof HoyError && error.status === 409) return [];
    throw error;
  }
}
