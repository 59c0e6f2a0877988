/** `top`: the host's own ps, and of its lines those of the container (moby daemon/top_unix.go). */
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { containerProcesses } from "./processes.ts";
import type { ContainerRow } from "./row.ts";
import { noProcess, openProcess } from "./signal.ts";

export interface ProcessTable {
  titles: string[];
  /** As many cells as titles; the last has the rest of the line. */
  processes: string[][];
}

const SPACE = /[\t\n\v\f\r ]+/;

/** A column that is headed PID and is none would have others' processes shown. */
function checkOptions(text: string): void {
  for (const [, key = "", heading = ""] of text.matchAll(/\s+(\S*)=\s*(PID\S*)/g))
    if (key !== "pid") throw new HoyError(`specifying "${key}=${heading}" is not allowed`, { status: 400 });
}

/** Reads what ps printed, and keeps the lines of these processes. Throws HoyError where it has no column PID. */
export function readProcessTable(text: string, pids: readonly number[]): ProcessTable {
  const [head = "", ...lines] = text.split("\n");
  const titles = head.split(SPACE).filter(Boolean);
  const column = titles.indexOf("PID");
  if (column < 0) throw new HoyError("Couldn't find PID field in ps output", { hint: "leave the column in: -o pid,…" });
  const mine = new Set(pids);
  const processes: string[][] = [];
  let before = false;
  for (const line of lines) {
    const fields = line.split(SPACE).filter(Boolean);
    if (fields.length === 0) continue;
    const pid = fields[column] ?? "";
    // threads, with the option m, follow their process
    if (pid !== "-") {
      if (!/^\d+$/.test(pid)) throw new HoyError(`Unexpected pid '${pid}' in the output of ps`);
      before = mine.has(Number(pid));
    }
    if (before) processes.push([...fields.slice(0, titles.length - 1), fields.slice(titles.length - 1).join(" ")]);
  }
  return { titles, processes };
}

/** The container's processes as ps with these options shows them; `-ef` without any. Throws HoyError. */
export function topContainer(store: Store, row: ContainerRow, options: readonly string[]): ProcessTable {
  const text = options.join(" ") || "-ef";
  checkOptions(text);
  using running = openProcess(store, row);
  if (!running) throw noProcess(store, row);
  const pids = containerProcesses(store, row);
  if (!Bun.which("ps"))
    throw new HoyError("cannot list processes: the program ps is not installed on the host", { hint: "install procps" });
  const words = text.split(" ");
  const run = (args: readonly string[]) => Bun.spawnSync(["ps", ...args], { stdin: "ignore" });
  const narrow = run([...words, `-q${pids.join(",")}`]);
  // some options (such as f) go not together with -q, and a small ps has none
  const { stdout, stderr, exitCode } = narrow.exitCode === 0 ? narrow : run(words);
  if (exitCode !== 0) throw new HoyError(stderr.toString().split("\n")[0] || `ps ${text} ended with ${exitCode}`);
  return readProcessTable(stdout.toString(), pids);
}
