/** `image prune`. */
import { parseFilters } from "../../engine/filters.ts";
import { pruneImages } from "../../engine/images/prune.ts";
import { openStore } from "../../engine/store.ts";
import { confirm } from "../confirm.ts";
import { type Body, list, truth } from "../define.ts";
import { humanSize } from "../output/units.ts";
import { printLine } from "../output/write.ts";

const body: Body = ({ flags }) => {
  const all = truth(flags, "all");
  const filters = parseFilters(list(flags, "filter"));
  const what = all ? "all images without at least one container associated to them" : "all dangling images";
  if (!truth(flags, "force")) confirm(`WARNING! This will remove ${what}.`, "image prune");
  const { removals, bytes } = pruneImages(openStore(), { all, filters });
  if (removals.length > 0) {
    const lines = removals.map((removal) => ("untagged" in removal ? `untagged: ${removal.untagged}` : `deleted: ${removal.deleted}`));
    printLine(`Deleted Images:\n${lines.join("\n")}\n`);
  }
  printLine(`Total reclaimed space: ${humanSize(bytes)}`);
  return 0;
};

export default body;
