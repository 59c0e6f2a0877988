/** `volume ls`. */
import { parseFilters } from "../../engine/filters.ts";
import { openStore } from "../../engine/store.ts";
import { listVolumes } from "../../engine/volumes/list.ts";
import { type Body, list, text, truth } from "../define.ts";
import { printList } from "../output/list.ts";
import { volumeKind } from "./ls-fields.ts";

const body: Body = async ({ flags }) => {
  const filters = parseFilters(list(flags, "filter"));
  await printList({
    items: listVolumes(openStore(), filters),
    kind: volumeKind(),
    table: ["Driver", "Name"],
    format: text(flags, "format"),
    quiet: truth(flags, "quiet") ? "Name" : undefined,
  });
  return 0;
};

export default body;
