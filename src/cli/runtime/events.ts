/** `runtime events`. */
import { parseDuration } from "../../engine/containers/logs/time.ts";
import { type ContainerEvent, readStats, watchContainer } from "../../runtime/oci/events.ts";
import { stringifyExact } from "../../spec/json.ts";
import { type Body, text, truth } from "../define.ts";
import { printLine } from "../output/write.ts";
import { usageError } from "../parse.ts";

const tell = (event: ContainerEvent): void => printLine(stringifyExact(event));

const body: Body = ({ flags, args, root }) => {
  const [id = ""] = args;
  const interval = parseDuration(text(flags, "interval") ?? "5s");
  if (interval <= 0) throw usageError("duration interval must be greater than 0", 1);
  if (truth(flags, "stats")) tell(readStats(root as string, id));
  else watchContainer(root as string, id, interval, tell);
  return 0;
};

export default body;
