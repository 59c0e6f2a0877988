/** `stats`. On a terminal each table is drawn over the last one; into a pipe they follow each other, without control sequences. */
import { findContainer } from "../../engine/containers/find.ts";
import { listContainers } from "../../engine/containers/list.ts";
import { type ContainerRow, rowById } from "../../engine/containers/row.ts";
import { containerState } from "../../engine/containers/state.ts";
import { cpuPercent, sampleUsage, type UsageSample } from "../../engine/containers/usage.ts";
import { openStore, type Store } from "../../engine/store.ts";
import { isTerminal } from "../../engine/terminal.ts";
import { type Body, text, truth } from "../define.ts";
import { shortId } from "../output/ellipsis.ts";
import { formatList } from "../output/list.ts";
import { writeStream } from "../output/write.ts";
import { STATS_TABLE, type StatsLine, statsKind } from "./stats-fields.ts";

/** Between the two samples that a first percentage takes: twenty-five ticks of the kernel's accounting at 250 Hz. */
const FIRST_MS = 100;
const EVERY_MS = 1000;

interface Asked {
  container: string;
  row: ContainerRow;
}

/** Containers by the names that were given, each as long as it is there; without names all of now. */
function chooser(store: Store, names: readonly string[], all: boolean): () => Asked[] {
  if (names.length === 0) return () => listContainers(store, { all }).map(({ row }) => ({ container: shortId(row.id), row }));
  const chosen = names.map((container) => ({ container, id: findContainer(store, container).id }));
  return () =>
    chosen.flatMap(({ container, id }) => {
      const row = rowById(store, id);
      return row ? [{ container, row }] : [];
    });
}

const body: Body = async ({ flags, args }) => {
  const store = openStore();
  const choose = chooser(store, args, truth(flags, "all"));
  const once = truth(flags, "no-stream");
  const truncate = !truth(flags, "no-trunc");
  const request = { kind: statsKind(truncate), table: STATS_TABLE, format: text(flags, "format") };
  // a template that cannot be read is told at once
  await formatList({ ...request, items: [] });
  const redraws = !once && isTerminal(1);
  let samples = new Map<string, UsageSample>();
  const take = (cpuAlone = false): StatsLine[] => {
    const before = samples;
    samples = new Map();
    return choose().map(({ container, row }) => {
      const usage = sampleUsage(store, row, { pid: containerState(store, row).pid, cpuAlone });
      samples.set(row.id, usage);
      return { container, id: row.id, name: row.name, cpuPercent: cpuPercent(before.get(row.id), usage), usage };
    });
  };
  take(true);
  for (let pause = FIRST_MS; ; pause = EVERY_MS) {
    await Bun.sleep(pause);
    const items = take();
    const shown = await formatList({ ...request, items });
    writeStream(1, Buffer.from(redraws ? drawn(shown, pause === FIRST_MS) : shown));
    // of the containers that were named none is left
    if (once || (args.length > 0 && items.length === 0)) return 0;
  }
};

/** From the upper left corner, each line to its end, and nothing below. */
const drawn = (shown: string, first: boolean): string => `${first ? "\x1b[2J" : ""}\x1b[H${shown.replaceAll("\n", "\x1b[K\n")}\x1b[J`;

export default body;
