/** `container prune`: what does not run goes, with its files; its volumes stay. */
import { HoyError } from "../../spec/error.ts";
import { recordPrune } from "../../state/events.ts";
import type { Store } from "../../state/store.ts";
import { checkFilterNames, type Filters, passesLabels } from "../filters.ts";
import { parseMoment } from "../moment.ts";
import type { Pruned } from "../pruned.ts";
import { type Listed, listContainers } from "./list.ts";
import { removeContainer } from "./remove.ts";
import { containerSize } from "./size.ts";
import { isUp } from "./state.ts";

/** Filters: label, label! and until. Throws HoyError for another one. What starts at this moment stays. */
export async function pruneContainers(store: Store, filters: Filters = new Map()): Promise<Pruned> {
  checkFilterNames(filters, ["label", "label!", "until"]);
  const until = (filters.get("until") ?? []).map(parseMoment);
  const isWanted = ({ row, state }: Listed): boolean =>
    isUp(state.status) ||
    row.state === "starting" ||
    !passesLabels(filters, row.options.config.Labels) ||
    until.some((time) => row.created >= time);
  const pruned: Pruned = { names: [], bytes: 0 };
  for (const listed of listContainers(store, { all: true })) {
    if (isWanted(listed)) continue;
    const { SizeRw } = containerSize(store, listed.row);
    if (!(await removeUnlessStarted(store, listed.row.id))) continue;
    pruned.names.push(listed.row.id);
    pruned.bytes += SizeRw;
  }
  recordPrune(store, "container", pruned.bytes);
  return pruned;
}

async function removeUnlessStarted(store: Store, id: string): Promise<boolean> {
  try {
    await removeContainer(store, id, { force: false, volumes: false });
    return true;
  } catch (error) {
    if (error instanceof HoyError && error.status === 409) return false;
    throw error;
  }
}
