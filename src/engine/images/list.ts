/** The images of a store, newest first, and the filters of their lists (moby daemon/images/images.go). */
import { HoyError } from "../../spec/error.ts";
import { familiarise, familiarName, parseReference } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { type ImageRecord, listImages, repoDigestsOf, tagsOf } from "../../storage/images.ts";
import { booleanFilter, checkFilterNames, type Filters, matchesLabel } from "../filters.ts";
import { parseMoment } from "../moment.ts";
import { resolveImage } from "./find.ts";

export interface ListedImage {
  image: ImageRecord;
  /** When it was built, as it says: milliseconds since the epoch, 0 when it says nothing. */
  built: number;
  labels: Record<string, string>;
  /** Full names. */
  tags: string[];
  digests: string[];
}

interface Facts {
  id: string;
  created: string | null;
  labels: string | null;
}

function allImages(store: Store): ListedImage[] {
  const facts = new Map(
    store.db
      .query("SELECT id, json_extract(config, '$.created') AS created, json_extract(config, '$.config.Labels') AS labels FROM images")
      .all()
      .map((row) => [(row as Facts).id, row as Facts]),
  );
  return listImages(store)
    .map((image) => {
      const { created = null, labels = null } = facts.get(image.id) ?? {};
      return {
        image,
        built: created === null ? 0 : Date.parse(created) || 0,
        labels: labels === null ? {} : (JSON.parse(labels) as Record<string, string>),
        tags: tagsOf(store, image.id),
        digests: repoDigestsOf(store, image.id),
      };
    })
    .sort((a, b) => b.built - a.built || (a.image.id < b.image.id ? -1 : 1));
}

/** Go's path.Match: `*` and `?` do not reach over a slash. */
function glob(pattern: string): RegExp {
  const source = pattern.replace(/\[\^?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    return part.length > 1 ? part : part.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new HoyError(`invalid filter 'reference=${pattern}'`, { status: 400 });
  }
}

/** True when one of the patterns fits the name as Docker prints it, with its tag or without. */
function matchesReference(patterns: readonly RegExp[], full: string): boolean {
  const name = familiarName(parseReference(full));
  return patterns.some((pattern) => pattern.test(name) || pattern.test(familiarise(full)));
}

export const IMAGE_FILTERS: readonly string[] = ["dangling", "label", "reference", "before", "since", "until"];

/** Throws HoyError for an unknown filter, or an image that a filter names and that is not there. */
export function listedImages(store: Store, filters: Filters = new Map()): ListedImage[] {
  checkFilterNames(filters, IMAGE_FILTERS);
  const builtOf = (name: string): number => {
    const { id } = resolveImage(store, name).image;
    return images.find(({ image }) => image.id === id)?.built ?? 0;
  };
  const images = allImages(store);
  const dangling = booleanFilter(filters, "dangling");
  const before = (filters.get("before") ?? []).map(builtOf);
  const since = (filters.get("since") ?? []).map(builtOf);
  const until = (filters.get("until") ?? []).map((value) => parseMoment(value));
  const patterns = filters.get("reference")?.map(glob);
  return images
    .filter(({ tags }) => dangling === undefined || dangling === (tags.length === 0))
    .filter(({ labels }) => (filters.get("label") ?? []).every((wanted) => matchesLabel(wanted, labels)))
    .filter(({ built }) => before.every((time) => built < time) && since.every((time) => built > time))
    .filter(({ built }) => until.every((time) => built < time))
    .map((listed) => (patterns ? onlyNamed(listed, patterns) : listed))
    .filter(({ tags, digests }) => !patterns || tags.length > 0 || digests.length > 0);
}

const onlyNamed = (listed: ListedImage, patterns: readonly RegExp[]): ListedImage => ({
  ...listed,
  tags: listed.tags.filter((full) => matchesReference(patterns, full)),
  digests: listed.digests.filter((full) => matchesReference(patterns, full)),
});
