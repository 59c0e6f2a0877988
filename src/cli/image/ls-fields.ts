/** The lines and fields of `images` (docker/cli cli/command/formatter/image.go). */
import type { ListedImage } from "../../engine/images/list.ts";
import { familiarName, parseReference } from "../../spec/reference.ts";
import { shortId } from "../output/ellipsis.ts";
import type { ListKind } from "../output/list.ts";
import { humanDuration, humanSize, localTime } from "../output/units.ts";

/** A line: an image under one of its names. */
export interface ImageLine {
  listed: ListedImage;
  repository: string;
  tag: string;
  digest: string;
}

const NONE = "<none>";

/** Column of the age: an image may not say when it was built. */
export const CREATED = { field: "CreatedSince", empty: "N/A" };

/** A line for each tag; where digests are asked for, one for each digest of the tag's repository; `<none>` for what has no name. */
export function linesOf(listed: ListedImage, withDigests: boolean): ImageLine[] {
  const digests = listed.digests.map((full) => {
    const { domain, path, digest = NONE } = parseReference(full);
    return { repository: familiarName({ domain, path }), digest };
  });
  const tagged = listed.tags.flatMap((full): ImageLine[] => {
    const reference = parseReference(full);
    const repository = familiarName(reference);
    const own = withDigests ? digests.filter((each) => each.repository === repository) : [];
    const line = { listed, repository, tag: reference.tag ?? NONE };
    return own.length > 0 ? own.map(({ digest }) => ({ ...line, digest })) : [{ ...line, digest: NONE }];
  });
  const named = new Set(tagged.map(({ repository }) => repository));
  const untagged = digests.filter(({ repository }) => !named.has(repository)).map((each) => ({ listed, tag: NONE, ...each }));
  const lines = [...tagged, ...untagged];
  return lines.length > 0 ? lines : [{ listed, repository: NONE, tag: NONE, digest: NONE }];
}

/** What `system df` knows of an image besides, in bytes. */
export interface ImageUsage {
  /** Of layers that other images have too. */
  shared: number;
  containers: number;
}

/** Docker's client never asks the daemon for how an image is used in a list: there it is unknown. */
export function imageKind(now: number, truncate: boolean, usage?: (listed: ListedImage) => ImageUsage): ListKind<ImageLine> {
  const used = (tell: (usage: ImageUsage, size: number) => string) => ({
    value: ({ listed }: ImageLine) => (usage ? tell(usage(listed), listed.image.size) : "N/A"),
  });
  return {
    fields: {
      ID: { heading: "IMAGE ID", value: ({ listed: { image } }) => (truncate ? shortId(image.id) : image.id) },
      Repository: { heading: "REPOSITORY", value: ({ repository }) => repository },
      Tag: { heading: "TAG", value: ({ tag }) => tag },
      Digest: { heading: "DIGEST", value: ({ digest }) => digest },
      CreatedSince: { heading: "CREATED", value: ({ listed: { built } }) => (built === 0 ? "N/A" : `${humanDuration(now - built)} ago`) },
      CreatedAt: { heading: "CREATED AT", value: ({ listed: { built } }) => (built === 0 ? "N/A" : localTime(built)) },
      Size: { heading: "SIZE", value: ({ listed: { image } }) => humanSize(image.size, 3) },
      VirtualSize: { heading: "SIZE", value: ({ listed: { image } }) => humanSize(image.size, 3) },
      Containers: { heading: "CONTAINERS", ...used(({ containers }) => String(containers)) },
      SharedSize: { heading: "SHARED SIZE", ...used(({ shared }) => humanSize(shared, 3)) },
      UniqueSize: { heading: "UNIQUE SIZE", ...used(({ shared }, size) => humanSize(size - shared, 3)) },
    },
  };
}
