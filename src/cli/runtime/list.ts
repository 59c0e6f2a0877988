/** `runtime list`. */
import { listContainers } from "../../runtime/oci/list.ts";
import { type Body, text, truth } from "../define.ts";
import { alignColumns } from "../output/table.ts";
import { printLine } from "../output/write.ts";
import { usageError } from "../parse.ts";

const body: Body = ({ flags, root }) => {
  const format = text(flags, "format") ?? "table";
  if (format !== "table" && format !== "json") throw usageError(`invalid format option: ${format}`, 1);
  const found = listContainers(root as string);
  if (truth(flags, "quiet")) for (const { id } of found) printLine(id);
  else if (format === "json") printLine(JSON.stringify(found));
  else {
    const rows = found.map(({ id, pid, status, bundle, created, owner }) => [id, pid, status, bundle, created, owner].join("\t"));
    printLine(alignColumns(["ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER", ...rows].join("\n")));
  }
  return 0;
};

export default body;
