/** Commands and flags of `volume`: plain data, so that help and completion load no command. Descriptions are Docker's own. */
import { command } from "../define.ts";

export const volumeCommands = [
  command({
    meta: { name: "volume create", description: "Create a volume" },
    usage: "[OPTIONS] [VOLUME]",
    positionals: [0, 1],
    namespace: true,
    args: {
      driver: { type: "string", alias: "d", description: 'Specify volume driver name (default "local")' },
      label: { type: "list", description: "Set metadata for a volume" },
    },
    load: () => import("../volume/create.ts"),
  }),
  command({
    meta: { name: "volume inspect", description: "Display detailed information on one or more volumes" },
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    positionals: [1, Infinity],
    args: {
      format: {
        type: "string",
        alias: "f",
        description:
          "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
    },
    load: () => import("../volume/inspect.ts"),
  }),
  command({
    meta: { name: "volume ls", description: "List volumes" },
    aliases: ["volume list"],
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      filter: { type: "list", alias: "f", valueHint: "filter", description: 'Provide filter values (e.g. "dangling=true")' },
      format: {
        type: "string",
        description:
          "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
      quiet: { type: "boolean", alias: "q", description: "Only display volume names" },
    },
    load: () => import("../volume/ls.ts"),
  }),
  command({
    meta: { name: "volume prune", description: "Remove unused local volumes" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    namespace: true,
    args: {
      all: { type: "boolean", alias: "a", description: "Remove all unused volumes, not just anonymous ones" },
      filter: { type: "list", valueHint: "filter", description: 'Provide filter values (e.g. "label=<label>")' },
      force: { type: "boolean", alias: "f", description: "Do not prompt for confirmation" },
    },
    load: () => import("../volume/prune.ts"),
  }),
  command({
    meta: { name: "volume rm", description: "Remove one or more volumes. You cannot remove a volume that is in use by a container." },
    aliases: ["volume remove"],
    usage: "[OPTIONS] VOLUME [VOLUME...]",
    positionals: [1, Infinity],
    namespace: true,
    args: {
      force: { type: "boolean", alias: "f", description: "Force the removal of one or more volumes" },
    },
    load: () => import("../volume/rm.ts"),
  }),
];
