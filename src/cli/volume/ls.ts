/** `volume ls` (docker/cli cli/command/formatter/volume.go). */
import { parseFilters } from "../../engine/filters.ts";
import { openStore } from "../../engine/store.ts";
import { type ListedVolume, listVolumes } from "../../engine/volumes/list.ts";
import { type Body, list, text, truth } from "../define.ts";
import { type ListKind, printList } from "../output/list.ts";

// Docker's client has sizes and links from `system df` alone, the other three from cluster volumes
const unknown = { value: () => "N/A" };

const kind: ListKind<ListedVolume> = {
  fields: {
    Name: { heading: "VOLUME NAME", value: ({ name }) => name },
    Driver: { heading: "DRIVER", value: ({ driver }) => driver },
    Scope: { heading: "SCOPE", value: () => "local" },
    Mountpoint: { heading: "MOUNTPOINT", value: ({ mountpoint }) => mountpoint },
    Labels: {
      heading: "LABELS",
      value: ({ labels }) =>
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .sort()
          .join(","),
    },
    Links: { heading: "LINKS", ...unknown },
    Size: { heading: "SIZE", ...unknown },
    Group: { heading: "GROUP", ...unknown },
    Availability: { heading: "AVAILABILITY", ...unknown },
    Status: { heading: "STATUS", ...unknown },
  },
  methods: { Label: ({ labels }, name) => labels[name] ?? "" },
};

const body: Body = async ({ flags }) => {
  const filters = parseFilters(list(flags, "filter"));
  await printList({
    items: listVolumes(openStore(), filters),
    kind,
    table: ["Driver", "Name"],
    format: text(flags, "format"),
    quiet: truth(flags, "quiet") ? "Name" : undefined,
  });
  return 0;
};

export default body;
