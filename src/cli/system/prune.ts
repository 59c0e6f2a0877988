/** `system prune`: the prunes of containers, volumes and images after one question. */
import { pruneContainers } from "../../engine/containers/prune.ts";
import { type Filters, parseFilters } from "../../engine/filters.ts";
import { pruneImages } from "../../engine/images/prune.ts";
import { openStore } from "../../engine/store.ts";
import { pruneVolumes } from "../../engine/volumes/prune.ts";
import { HoyError } from "../../spec/error.ts";
import { confirm } from "../confirm.ts";
import { type Body, list, truth } from "../define.ts";
import { printPruned, removalLine } from "../output/pruned.ts";

interface Choice {
  all: boolean;
  volumes: boolean;
  filters: Filters;
}

function question({ all, volumes, filters }: Choice): string {
  const filtered = [...filters].flatMap(([name, values]) => values.map((value) => `  - ${name}=${value}`));
  return [
    "WARNING! This will remove:",
    "  - all stopped containers",
    ...(volumes ? ["  - all anonymous volumes not used by at least one container"] : []),
    all ? "  - all images without at least one container associated to them" : "  - all dangling images",
    "",
    ...(filtered.length > 0 ? ["  Items to be pruned will be filtered with:", ...filtered, ""] : []),
  ].join("\n");
}

const body: Body = async ({ flags }) => {
  const choice = { all: truth(flags, "all"), volumes: truth(flags, "volumes"), filters: parseFilters(list(flags, "filter")) };
  const { all, volumes, filters } = choice;
  if (volumes && filters.has("until")) throw new HoyError('ERROR: The "until" filter is not supported with "--volumes"', { status: 400 });
  if (!truth(flags, "force")) confirm(question(choice), "system prune");
  const store = openStore();
  const containers = await pruneContainers(store, filters);
  const gone = volumes ? pruneVolumes(store, { all: false, filters }) : { names: [], bytes: 0 };
  const images = pruneImages(store, { all, filters });
  printPruned(
    [
      ["Deleted Containers", containers.names],
      ["Deleted Volumes", gone.names],
      ["Deleted Images", images.removals.map(removalLine)],
    ],
    containers.bytes + gone.bytes + images.bytes,
  );
};

export default body;
