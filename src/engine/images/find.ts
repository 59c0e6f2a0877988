/** Images by what users call them. */
import { HoyError, notFound } from "../../spec/error.ts";
import { canonical, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { findImage, type ImageRecord } from "../../storage/images.ts";

export interface FoundImage {
  image: ImageRecord;
  /** Full name by which it was found; undefined when it was its id. */
  reference: string | undefined;
}

/** By name, digest, id or the beginning of an id. Throws HoyError `No such image: x` (404), or for an ambiguous id. */
export function resolveImage(store: Store, text: string): FoundImage {
  const reference = referenceOf(text);
  const image = findImage(store, { name: text, reference });
  if (!image) throw notFound("image", text);
  // the beginning of an id could be a name as well: the name goes first, and only if there is one
  const isName = reference !== undefined && findImage(store, { name: "", reference }) !== undefined;
  return { image, reference: isName ? reference : undefined };
}

function referenceOf(text: string): string | undefined {
  try {
    return canonical(parseTagged(text));
  } catch (error) {
    // an id in full is no reference
    if (error instanceof HoyError) return undefined;
    throw error;
  }
}
