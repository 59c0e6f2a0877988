/** Commands and flags of `image`: plain data, so that help and completion load no command. Descriptions are Docker's own. */
import { command } from "../define.ts";

export const imageCommands = [
  command({
    meta: { name: "image history", description: "Show the history of an image" },
    aliases: ["history"],
    usage: "[OPTIONS] IMAGE",
    positionals: [1, 1],
    args: {
      format: {
        type: "string",
        description:
          "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
      human: { type: "boolean", alias: "H", description: "Print sizes and dates in human readable format (default true)" },
      "no-trunc": { type: "boolean", description: "Don't truncate output" },
      quiet: { type: "boolean", alias: "q", description: "Only show image IDs" },
    },
    load: () => import("../image/history.ts"),
  }),
  command({
    meta: { name: "image import", description: "Import the contents from a tarball to create a filesystem image" },
    aliases: ["import"],
    usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    positionals: [1, 2],
    namespace: true,
    args: {
      change: { type: "list", alias: "c", description: "Apply Dockerfile instruction to the created image" },
      message: { type: "string", alias: "m", description: "Set commit message for imported image" },
      platform: { type: "string", description: "Set platform if server is multi-platform capable" },
    },
    load: () => import("../image/import.ts"),
  }),
  command({
    meta: { name: "image inspect", description: "Display detailed information on one or more images" },
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    positionals: [1, Infinity],
    args: {
      format: {
        type: "string",
        alias: "f",
        description:
          "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
    },
    load: () => import("../image/inspect.ts"),
  }),
  command({
    meta: { name: "image load", description: "Load an image from a tar archive or STDIN" },
    aliases: ["load"],
    usage: "[OPTIONS]",
    positionals: [0, 0],
    namespace: true,
    args: {
      input: { type: "string", alias: "i", description: "Read from tar archive file, instead of STDIN" },
      quiet: { type: "boolean", alias: "q", description: "Suppress the load output" },
    },
    load: () => import("../image/load.ts"),
  }),
  command({
    meta: { name: "image ls", description: "List images" },
    aliases: ["image list", "images"],
    usage: "[OPTIONS] [REPOSITORY[:TAG]]",
    positionals: [0, 1],
    args: {
      all: { type: "boolean", alias: "a", description: "Show all images (default hides intermediate images)" },
      digests: { type: "boolean", description: "Show digests" },
      filter: { type: "list", alias: "f", valueHint: "filter", description: "Filter output based on conditions provided" },
      format: {
        type: "string",
        description:
          "Format output using a custom template:\n'table':            Print output in table format with column headers (default)\n'table TEMPLATE':   Print output in table format using the given Go template\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
      },
      "no-trunc": { type: "boolean", description: "Don't truncate output" },
      quiet: { type: "boolean", alias: "q", description: "Only show image IDs" },
    },
    load: () => import("../image/ls.ts"),
  }),
  command({
    meta: { name: "image prune", description: "Remove unused images" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    namespace: true,
    args: {
      all: { type: "boolean", alias: "a", description: "Remove all unused images, not just dangling ones" },
      filter: { type: "list", valueHint: "filter", description: 'Provide filter values (e.g. "until=<timestamp>")' },
      force: { type: "boolean", alias: "f", description: "Do not prompt for confirmation" },
    },
    load: () => import("../image/prune.ts"),
  }),
  command({
    meta: { name: "image rm", description: "Remove one or more images" },
    aliases: ["image remove", "rmi"],
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    positionals: [1, Infinity],
    namespace: true,
    args: {
      force: { type: "boolean", alias: "f", description: "Force removal of the image" },
    },
    load: () => import("../image/rm.ts"),
  }),
  command({
    meta: { name: "image save", description: "Save one or more images to a tar archive (streamed to STDOUT by default)" },
    aliases: ["save"],
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    positionals: [1, Infinity],
    namespace: true,
    args: {
      output: { type: "string", alias: "o", description: "Write to a file, instead of STDOUT" },
    },
    load: () => import("../image/save.ts"),
  }),
  command({
    meta: { name: "image tag", description: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE" },
    aliases: ["tag"],
    usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    positionals: [2, 2],
    args: {},
    load: () => import("../image/tag.ts"),
  }),
];
