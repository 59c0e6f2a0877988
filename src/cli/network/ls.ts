/** `network ls` (docker/cli cli/command/network/formatter.go). */
import { parseFilters } from "../../engine/filters.ts";
import { listedNetworks } from "../../engine/networks/list.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, list, text, truth } from "../define.ts";
import { shortId } from "../output/ellipsis.ts";
import { type ListKind, printList } from "../output/list.ts";
import { localTime } from "../output/units.ts";

type Network = Awaited<ReturnType<typeof listedNetworks>>[number];

const networkKind = (truncate: boolean): ListKind<Network> => ({
  fields: {
    ID: { heading: "NETWORK ID", value: ({ id }) => (truncate ? shortId(id) : id) },
    Name: { heading: "NAME", value: ({ name }) => name },
    Driver: { heading: "DRIVER", value: ({ driver }) => driver },
    Scope: { heading: "SCOPE", value: () => "local" },
    // hoy's networks are of IPv4, and lead outside
    IPv4: { heading: "IPV4", value: () => "true" },
    IPv6: { heading: "IPV6", value: () => "false" },
    Internal: { heading: "INTERNAL", value: () => "false" },
    CreatedAt: { heading: "CREATED AT", value: ({ created }) => localTime(created) },
    Labels: {
      heading: "LABELS",
      value: ({ labels }) =>
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(","),
    },
  },
  methods: { Label: ({ labels }, name) => labels[name] ?? "" },
});

const body: Body = async ({ flags }) => {
  const filters = parseFilters(list(flags, "filter"));
  await printList({
    items: await listedNetworks(openStore(), filters),
    kind: networkKind(!truth(flags, "no-trunc")),
    table: ["ID", "Name", "Driver", "Scope"],
    format: text(flags, "format"),
    quiet: truth(flags, "quiet") ? "ID" : undefined,
  });
  return 0;
};

export default body;
