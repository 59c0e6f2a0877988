/** The events log: rows written in the same transaction as the change that they tell of. */
import type { Store } from "./store.ts";

export type EventType = "container" | "image" | "volume" | "network";

export interface HoyEvent {
  type: EventType;
  action: string;
  actor: string;
  attributes: Record<string, string>;
}

/** Nanoseconds since the epoch; milliseconds are all that the clock of JavaScript gives. */
const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** Writes one event. Call it inside the transaction of the change. */
export function record(store: Store, event: HoyEvent): void {
  store.db
    .query("INSERT INTO events(time, type, action, actor, attributes) VALUES (?, ?, ?, ?, ?)")
    .run(nowNs(), event.type, event.action, event.actor, JSON.stringify(event.attributes));
}

/** What Docker writes of a `prune`: how many bytes it gave back. */
export const recordPrune = (store: Store, type: EventType, bytes: number): void =>
  record(store, { type, action: "prune", actor: "", attributes: { reclaimed: String(bytes) } });
