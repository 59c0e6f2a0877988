/** `volume prune`. */
import { parseFilters } from "../../engine/filters.ts";
import { openStore } from "../../engine/store.ts";
import { pruneVolumes } from "../../engine/volumes/prune.ts";
import { confirm } from "../confirm.ts";
import { type Body, list, truth } from "../define.ts";
import { printPruned } from "../output/pruned.ts";

const body: Body = ({ flags }) => {
  const all = truth(flags, "all");
  const filters = parseFilters(list(flags, "filter"));
  const which = all ? "all local volumes" : "anonymous local volumes";
  if (!truth(flags, "force")) confirm(`WARNING! This will remove ${which} not used by at least one container.`, "volume prune");
  const { names, bytes } = pruneVolumes(openStore(), { all, filters });
  printPruned([["Deleted Volumes", names]], bytes);
  return 0;
};

export default body;
