/** `images`. */
import { parseFilters } from "../../engine/filters.ts";
import { listedImages } from "../../engine/images/list.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, list, text, truth } from "../define.ts";
import { printList } from "../output/list.ts";
import { CREATED, imageKind, linesOf } from "./ls-fields.ts";

const TABLE = ["Repository", "Tag", "ID", CREATED, "Size"];
const DIGEST_TABLE = ["Repository", "Tag", "Digest", "ID", CREATED, "Size"];

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
