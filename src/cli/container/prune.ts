/** `container prune`. */
import { pruneContainers } from "../../engine/containers/prune.ts";
import { parseFilters } from "../../engine/filters.ts";
import { openStore } from "../../engine/store.ts";
import { confirm } from "../confirm.ts";
import { type Body, list, truth } from "../define.ts";
import { printPruned } from "../output/pruned.ts";

const body: Body = async ({ flags }) => {
  const filters = parseFilters(list(flags, "filter"));
  if (!truth(flags, "force")) confirm("WARNING! This will remove all stopped containers.", "container prune");
  const { names, bytes } = await pruneContainers(openStore(), filters);
  printPruned([["Deleted Containers", names]], bytes);
};

export default body;
