/** `image inspect`: Docker's image (API 1.50, which shows of the configuration what the image brought). */
import { notFound } from "../../spec/error.ts";
import { canonical, familiarise, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { findImage, type ImageRecord, imageConfig, repoDigestsOf, tagsOf } from "../../storage/images.ts";
import { layerPaths } from "../../storage/layers.ts";

/** The image by name, id or the beginning of an id. Throws HoyError `No such image: x` (404). */
export function inspectImage(store: Store, text: string): Record<string, unknown> {
  const image = findImage(store, { name: text, reference: reference(text) });
  if (!image) throw notFound("image", text);
  const { created, author, config, rootfs, history } = imageConfig(store, image.id);
  return {
    Id: image.id,
    RepoTags: tagsOf(store, image.id).map(familiarise),
    RepoDigests: repoDigestsOf(store, image.id).map(familiarise),
    Parent: "",
    Comment: history?.at(-1)?.comment ?? "",
    ...(created ? { Created: created } : {}),
    DockerVersion: "",
    Author: author ?? "",
    Config: config ?? null,
    Architecture: image.architecture,
    ...(image.variant ? { Variant: image.variant } : {}),
    Os: image.os,
    Size: image.size,
    GraphDriver: graphDriver(store, image),
    RootFS: { Type: "layers", Layers: rootfs.diff_ids },
    Metadata: { LastTagTime: new Date(image.created).toISOString() },
  };
}

/** Undefined for what can be no reference, such as a part of an id in capitals. */
function reference(text: string): string | undefined {
  try {
    return canonical(parseTagged(text));
  } catch {
    return undefined; // then it is no image either, and said to be missing
  }
}

/** The topmost layer is what an overlay would call its upper one. */
function graphDriver(store: Store, image: ImageRecord): Record<string, unknown> {
  const [upper, ...lower] = layerPaths(store, image.id).folders;
  return {
    Data: { ...(lower.length > 0 ? { LowerDir: lower.join(":") } : {}), ...(upper === undefined ? {} : { UpperDir: upper }) },
    Name: "overlay2",
  };
}
