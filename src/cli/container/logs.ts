/** `logs`. */
import { findContainer } from "../../engine/containers/find.ts";
import { readLogs } from "../../engine/containers/logs.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text, truth } from "../define.ts";
import { notice } from "../output/notice.ts";
import { writeStream } from "../output/write.ts";

const body: Body = async ({ flags, args, logLevel }) => {
  const store = openStore();
  const log = readLogs(store, findContainer(store, args[0] as string), {
    follow: truth(flags, "follow"),
    since: text(flags, "since"),
    until: text(flags, "until"),
    tail: text(flags, "tail"),
    timestamps: truth(flags, "timestamps"),
    details: truth(flags, "details"),
  });
  for await (const { stream, data } of log.batches) writeStream(stream === "stdout" ? 1 : 2, data);
  const corrupt = log.corrupt();
  if (corrupt > 0) await notice("warn", `${corrupt} unreadable ${corrupt === 1 ? "entry" : "entries"} of the log left out`, logLevel);
};

export default body;
