/** `image prune`. */
import { parseFilters } from "../../engine/filters.ts";
import { pruneImages } from "../../engine/images/prune.ts";
import { openStore } from "../../engine/store.ts";
import { confirm } from "../confirm.ts";
import { type Body, list, truth } from "../define.ts";
import { printPruned, removalLine } from "../output/pruned.ts";

const body: Body = ({ flags }) => {
  const all = truth(flags, "all");
  const filters = parseFilters(list(flags, "filter"));
  const what = all ? "all images without at least one container associated to them" : "all dangling images";
  if (!truth(flags, "force")) confirm(`WARNING! This will remove ${what}.`, "image prune");
  const { removals, bytes } = pruneImages(openStore(), { all, filters });
  printPruned([["Deleted Images", removals.map(removalLine)]], bytes);
  return 0;
};

export default body;
