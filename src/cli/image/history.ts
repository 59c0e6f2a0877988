/** `history` (docker/cli cli/command/image/formatter_history.go). */
import { type HistoryStep, imageHistory } from "../../engine/images/history.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text, truth } from "../define.ts";
import { ellipsis, shortId } from "../output/ellipsis.ts";
import { type ListKind, printList } from "../output/list.ts";
import { humanDuration, humanSize, localTime } from "../output/units.ts";

const TABLE = ["ID", { field: "CreatedSince", empty: "N/A" }, "CreatedBy", "Size", "Comment"];
const COMMAND_WIDTH = 45;

/** RFC 3339 in seconds and the local zone, `2026-01-31T12:00:00Z`. */
function dateText(milliseconds: number): string {
  const [day, time, zone = "+0000"] = localTime(milliseconds).split(" ");
  return `${day}T${time}${zone === "+0000" ? "Z" : `${zone.slice(0, 3)}:${zone.slice(3)}`}`;
}

function historyKind({ now, truncate, human }: { now: number; truncate: boolean; human: boolean }): ListKind<HistoryStep> {
  return {
    fields: {
      ID: { heading: "IMAGE", value: ({ id }) => (id === undefined ? "<missing>" : truncate ? shortId(id) : id) },
      CreatedSince: {
        heading: "CREATED",
        value: ({ created }) => (created === 0 ? "" : human ? `${humanDuration(now - created)} ago` : dateText(created)),
      },
      CreatedAt: { heading: "CREATED AT", value: ({ created }) => (created === 0 ? "" : dateText(created)) },
      CreatedBy: {
        heading: "CREATED BY",
        value: ({ createdBy }) => {
          const line = createdBy.replaceAll("\t", " ");
          return truncate ? ellipsis(line, COMMAND_WIDTH) : line;
        },
      },
      Size: { heading: "SIZE", value: ({ size }) => (human ? humanSize(size, 3) : String(size)) },
      Comment: { heading: "COMMENT", value: ({ comment }) => comment },
    },
  };
}

const body: Body = async ({ flags, args }) => {
  await printList({
    items: imageHistory(openStore(), args[0] as string),
    kind: historyKind({ now: Date.now(), truncate: !truth(flags, "no-trunc"), human: flags.human !== false }),
    table: TABLE,
    format: text(flags, "format"),
    quiet: truth(flags, "quiet") ? "ID" : undefined,
  });
  return 0;
};

export default body;
