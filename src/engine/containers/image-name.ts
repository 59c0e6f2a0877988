/** By which name a container's image is shown (moby daemon/list.go, refreshImage). */
import { HoyError } from "../../spec/error.ts";
import { canonical, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { findImage } from "../../storage/images.ts";
import type { ContainerRow } from "./row.ts";

export type ImageNames = (row: Pick<ContainerRow, "image" | "imageId">) => string;

/** The name that the user gave, as long as it is the same image's; its id otherwise. Each name is looked up once. */
export function imageNames(store: Store): ImageNames {
  const found = new Map<string, string | undefined>();
  return ({ image, imageId }) => {
    if (imageId === null) return image;
    if (!found.has(image)) found.set(image, idOf(store, image));
    return found.get(image) === imageId ? image : imageId;
  };
}

function idOf(store: Store, name: string): string | undefined {
  try {
    return findImage(store, { name, reference: canonical(parseTagged(name)) })?.id;
  } catch (error) {
    if (!(error instanceof HoyError)) throw error;
    // an id in full is no reference; a beginning that has become ambiguous names no image
    return /^(sha256:)?[0-9a-f]{64}$/.test(name) ? findImage(store, { name })?.id : undefined;
  }
}
