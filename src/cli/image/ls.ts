/** `images` (docker/cli cli/command/formatter/image.go). */
import { parseFilters } from "../../engine/filters.ts";
import { type ListedImage, listedImages } from "../../engine/images/list.ts";
import { openStore } from "../../engine/store.ts";
import { familiarName, parseReference } from "../../spec/reference.ts";
import { type Body, list, text, truth } from "../define.ts";
import { shortId } from "../output/ellipsis.ts";
import { type ListKind, printList } from "../output/list.ts";
import { humanDuration, humanSize, localTime } from "../output/units.ts";

/** A line: an image under one of its names. */
interface Line {
  listed: ListedImage;
  repository: string;
  tag: string;
  digest: string;
}

const NONE = "<none>";
const since = { field: "CreatedSince", empty: "N/A" };
const TABLE = ["Repository", "Tag", "ID", since, "Size"];
const DIGEST_TABLE = ["Repository", "Tag", "Digest", "ID", since, "Size"];

/** A line for each tag; where digests are asked for, one for each digest of the tag's repository; `<none>` for what has no name. */
function linesOf(listed: ListedImage, withDigests: boolean): Line[] {
  const digests = listed.digests.map((full) => {
    const { domain, path, digest = NONE } = parseReference(full);
    return { repository: familiarName({ domain, path }), digest };
  });
  const tagged = listed.tags.flatMap((full): Line[] => {
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

function imageKind(now: number, truncate: boolean): ListKind<Line> {
  const unknown = { value: () => "N/A" };
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
      // Docker's client never asks the daemon for these three in a list
      Containers: { heading: "CONTAINERS", ...unknown },
      SharedSize: { heading: "SHARED SIZE", ...unknown },
      UniqueSize: { heading: "UNIQUE SIZE", ...unknown },
    },
  };
}

const body: Body = async ({ flags, args }) => {
  const filters = new Map(parseFilters(list(flags, "filter")));
  if (args[0] !== undefined) filters.set("reference", [...(filters.get("reference") ?? []), args[0]]);
  const format = text(flags, "format");
  const quiet = truth(flags, "quiet");
  const withDigests = truth(flags, "digests");
  // --all asks for the steps in between as well: an image of hoy's has none
  const images = listedImages(openStore(), filters);
  const lines = images.flatMap((listed) => linesOf(listed, withDigests || /\.Digest\b/.test(format ?? "")));
  await printList({
    items: lines,
    kind: imageKind(Date.now(), !truth(flags, "no-trunc")),
    table: withDigests ? DIGEST_TABLE : TABLE,
    format,
    quiet: quiet ? "ID" : undefined,
  });
  return 0;
};

export default body;
