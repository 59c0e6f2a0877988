/** `tag`. */
import { HoyError } from "../../spec/error.ts";
import { canonical, parseReference, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { tagImage } from "../../storage/images.ts";
import { resolveImage } from "./find.ts";

/** Gives the image another name, taking it from the image that had it. Throws HoyError for a bad name or no such image. */
export function tagAs(store: Store, source: string, target: string): void {
  if (parseReference(target).digest !== undefined) throw new HoyError("refusing to create a tag with a digest reference", { status: 400 });
  tagImage(store, resolveImage(store, source).image.id, canonical(parseTagged(target)));
}
