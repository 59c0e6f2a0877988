/** Commands and flags of `network`: plain data, so that help and completion load no command. Descriptions are Docker's own. */
import { command } from "../define.ts";

export const networkCommands = [
  command({
    meta: { name: "network inspect", description: "Display detailed information on one or more networks" },
    usage: "[OPTIONS] NETWORK [NETWORK...]",
    positionals: [1, Infinity],
    args: {
      format: {
        type: "string",
        alias: "f",
        description:
          "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
    },
    load: () => import("../network/inspect.ts"),
  }),
  command({
    meta: { name: "network ls", description: "List networks" },
    aliases: ["network list"],
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      filter: { type: "list", alias: "f", valueHint: "filter", description: 'Provide filter values (e.g. "driver=bridge")' },
      format: {
        type: "string",
        description:
          "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
      "no-trunc": { type: "boolean", description: "Do not truncate the output" },
      quiet: { type: "boolean", alias: "q", description: "Only display network IDs" },
    },
    load: () => import("../network/ls.ts"),
  }),
];
