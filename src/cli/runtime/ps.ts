/** `runtime ps`: the host's own ps, and of its lines those of the container, as runc does. */
import { containerProcesses } from "../../runtime/oci/list.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text } from "../define.ts";
import { printLine } from "../output/write.ts";
import { usageError } from "../parse.ts";

const body: Body = ({ flags, args, root }) => {
  const [id = "", ...options] = args;
  const format = text(flags, "format") ?? "table";
  if (format !== "table" && format !== "json") throw usageError(`invalid format option: ${format}`, 1);
  const pids = containerProcesses(root as string, id);
  if (format === "json") {
    printLine(JSON.stringify(pids));
    return 0;
  }
  for (const line of table(pids, options.length > 0 ? options : ["-ef"])) printLine(line);
  return 0;
};

function table(pids: readonly number[], options: readonly string[]): string[] {
  if (!Bun.which("ps")) throw new HoyError("the program ps is not installed", { hint: "use --format json" });
  const { stdout, stderr, exitCode } = Bun.spawnSync(["ps", ...options], { stdin: "ignore" });
  if (exitCode !== 0) throw new HoyError(`ps ${options.join(" ")}: ${stderr.toString().trim()}`);
  const [head = "", ...lines] = stdout.toString().trimEnd().split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new HoyError("Couldn't find PID field in ps output");
  return [head, ...lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])))];
}

export default body;
