/** The containers of a store, newest first, with what each is doing now. */
import type { Store } from "../../state/store.ts";
import type { Filters } from "../filters.ts";
import { type ContainerTest, containerTest, type Listed } from "./filter.ts";
import { ROW_COLUMNS, toRow } from "./row.ts";
import { containerState, isUp } from "./state.ts";

export type { Listed } from "./filter.ts";

export interface ListRequest {
  /** Also those that do not run. */
  all?: boolean;
  /** The newest this many, in whatever state; 0 for no limit. */
  last?: number;
  filters?: Filters;
}

/** Filters that speak of containers in any state. */
const ANY_STATE = ["status", "before", "since"];

/** Throws HoyError for an unknown filter. The rows stay as they are: an end that nobody has recorded is only seen. */
export function listContainers(store: Store, { all = false, last = 0, filters = new Map() }: ListRequest = {}): Listed[] {
  const test: ContainerTest | undefined = filters.size > 0 ? containerTest(store, filters) : undefined;
  const anyState = all || last > 0 || ANY_STATE.some((name) => filters.has(name));
  const where = anyState ? "" : "WHERE state IN ('running', 'restarting')";
  const found: Listed[] = [];
  for (const raw of store.db.query(`SELECT ${ROW_COLUMNS} FROM containers ${where} ORDER BY created DESC, id`).iterate()) {
    const row = toRow(raw);
    const listed = { row, state: containerState(store, row) };
    if (!anyState && !isUp(listed.state.status)) continue;
    if (test && !test(listed)) continue;
    found.push(listed);
    if (found.length === last) break;
  }
  return found;
}
