/** Commands outside of the groups: plain data, so that help and completion load no command. Descriptions are Docker's own. */
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
    meta: { name: "info", description: "Display system-wide information" },
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
