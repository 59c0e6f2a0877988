/** Commands of `system`, and those outside of the groups: plain data, so that help and completion load no command. Descriptions are Docker's own. */
import { command } from "../define.ts";

export const systemCommands = [
  command({
    meta: { name: "version", description: "Show the Docker version information" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      format: {
        type: "string",
        alias: "f",
        description:
          "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
    },
    load: () => import("../system/version.ts"),
  }),
  command({
    meta: { name: "system info", description: "Display system-wide information" },
    aliases: ["info"],
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      format: {
        type: "string",
        alias: "f",
        description:
          "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
    },
    load: () => import("../system/info.ts"),
  }),
  command({
    meta: { name: "system boot", description: "Start the containers that their restart policies want after a start of the machine" },
    usage: "",
    positionals: [0, 0],
    namespace: true,
    args: {},
    load: () => import("../system/boot.ts"),
  }),
  command({
    meta: { name: "system df", description: "Show docker disk usage" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    namespace: true,
    args: {
      format: {
        type: "string",
        description:
          "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
      verbose: { type: "boolean", alias: "v", description: "Show detailed information on space usage" },
    },
    load: () => import("../system/df.ts"),
  }),
  command({
    meta: { name: "system install", description: "Have systemd run 'system boot' at each start of the machine" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      remove: { type: "boolean", description: "Take the unit away again" },
    },
    load: () => import("../system/install.ts"),
  }),
  command({
    meta: { name: "system prune", description: "Remove unused data" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    namespace: true,
    args: {
      all: { type: "boolean", alias: "a", description: "Remove all unused images not just dangling ones" },
      filter: { type: "list", valueHint: "filter", description: 'Provide filter values (e.g. "label=<key>=<value>")' },
      force: { type: "boolean", alias: "f", description: "Do not prompt for confirmation" },
      volumes: { type: "boolean", description: "Prune anonymous volumes" },
    },
    load: () => import("../system/prune.ts"),
  }),
  command({
    meta: { name: "inspect", description: "Return low-level information on Docker objects" },
    usage: "[OPTIONS] NAME|ID [NAME|ID...]",
    positionals: [1, Infinity],
    args: {
      format: {
        type: "string",
        alias: "f",
        description:
          "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
      size: { type: "boolean", alias: "s", description: "Display total file sizes if the type is container" },
      type: { type: "string", description: "Only inspect objects of the given type" },
    },
    load: () => import("../system/inspect.ts"),
  }),
];
