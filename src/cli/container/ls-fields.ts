/** The fields of `ps` (docker/cli cli/command/formatter/container.go). */
import { processArgs } from "../../engine/containers/environment.ts";
import type { ContainerSize } from "../../engine/containers/inspect.ts";
import type { Listed } from "../../engine/containers/list.ts";
import { openPorts } from "../../engine/containers/ports.ts";
import { ellipsis, shortId } from "../output/ellipsis.ts";
import type { ListKind } from "../output/list.ts";
import { quote } from "../output/template/printf.ts";
import { humanDuration, humanSize, localTime } from "../output/units.ts";
import { portText } from "./port-text.ts";
import { statusText } from "./status.ts";

export interface ContainerView {
  /** Milliseconds since the epoch. */
  now: number;
  truncate: boolean;
  /** The image's name, or its id when the name has gone to another image. */
  image: (listed: Listed) => string;
  /** Undefined unless sizes were asked for: they cost a walk through the container's files. */
  size: ((listed: Listed) => ContainerSize) | undefined;
}

const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

/** The program's words; those with a space in quotes, as the daemon writes them. */
function commandText({ row }: Listed): string {
  const [path = "", ...args] = processArgs(row.options.config);
  return [path, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

function sizeText({ SizeRw, SizeRootFs }: ContainerSize): string {
  const written = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${written} (virtual ${humanSize(SizeRootFs, 3)})` : written;
}

const labelList = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");

/** A container in another one's network has none of its own. */
const networkText = (mode: string): string => (mode.startsWith("container:") ? "" : mode);

export function containerKind({ now, truncate, image, size }: ContainerView): ListKind<Listed> {
  const mounts = ({ row }: Listed) => row.options.mounts.filter(({ type }) => type !== "tmpfs").map(({ source }) => source);
  return {
    fields: {
      ID: { heading: "CONTAINER ID", value: ({ row }) => (truncate ? shortId(row.id) : row.id) },
      Image: { heading: "IMAGE", value: image },
      Command: {
        heading: "COMMAND",
        value: (listed) => quote(truncate ? ellipsis(commandText(listed), COMMAND_WIDTH) : commandText(listed)),
      },
      CreatedAt: { heading: "CREATED AT", value: ({ row }) => localTime(row.created) },
      RunningFor: { heading: "CREATED", value: ({ row }) => `${humanDuration(now - row.created)} ago` },
      State: { heading: "STATE", value: ({ state }) => state.status },
      Status: { heading: "STATUS", value: ({ state }) => statusText(state, now) },
      Ports: { heading: "PORTS", value: ({ row, state }) => portText(openPorts(row, state)) },
      Names: { heading: "NAMES", value: ({ row }) => row.name },
      Size: { heading: "SIZE", value: (listed) => (size ? sizeText(size(listed)) : "0B") },
      Labels: { heading: "LABELS", value: ({ row }) => labelList(row.options.config.Labels) },
      LocalVolumes: {
        heading: "LOCAL VOLUMES",
        value: ({ row }) => String(row.options.mounts.filter(({ type }) => type === "volume").length),
      },
      Mounts: {
        heading: "MOUNTS",
        value: (listed) =>
          mounts(listed)
            .map((source) => (truncate ? ellipsis(source, MOUNT_WIDTH) : source))
            .join(","),
      },
      Networks: { heading: "NETWORKS", value: ({ row }) => networkText(row.options.hostConfig.NetworkMode) },
    },
    methods: { Label: ({ row }, name) => row.options.config.Labels[name] ?? "" },
  };
}
