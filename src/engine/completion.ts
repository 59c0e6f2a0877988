/** Names for completion: read without changing anything, and without making a store where there is none. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { familiarise } from "../spec/reference.ts";
import { migrations } from "../state/schema.ts";
import { type Store, storePaths } from "../state/store.ts";
import type { ContainerRow } from "./containers/row.ts";
import type { ContainerState } from "./containers/state.ts";

/** The store, for reading alone, if it has ever been used; undefined too for one that this user or this version cannot read. */
export function existingStore(root: string | undefined): Store | undefined {
  try {
    const paths = storePaths(root);
    const db = new Database(join(paths.root, "state.db"), { readonly: true });
    db.exec("PRAGMA busy_timeout=100");
    const { user_version } = db.query("PRAGMA user_version").get() as { user_version: number };
    return user_version === migrations.length ? { ...paths, db } : undefined;
  } catch {
    // nobody asked for the store: a line that is being written is no place for its errors
    return undefined;
  }
}

const names = (store: Store, query: string): string[] =>
  store.db
    .query(query)
    .all()
    .map((row) => (row as { name: string }).name);

/** Names of the containers in one of these states, all by default. */
export async function containerNames(store: Store, states?: readonly ContainerState["status"][]): Promise<string[]> {
  if (!states) return names(store, "SELECT name FROM containers ORDER BY name");
  const { statusOf } = await import("./containers/state.ts");
  const rows = store.db.query("SELECT id, name, state FROM containers ORDER BY name").all() as Pick<
    ContainerRow,
    "id" | "name" | "state"
  >[];
  return rows.filter((row) => states.includes(statusOf(store, row))).map(({ name }) => name);
}

/** Tags as Docker prints them. */
export const imageNames = (store: Store): string[] =>
  names(store, "SELECT reference AS name FROM tags ORDER BY reference").map(familiarise);

export const volumeNames = (store: Store): string[] => names(store, "SELECT name FROM volumes ORDER BY name");

/** The three of every store, also before they are made, and the others. */
export const networkNames = (store: Store): string[] => [
  ...new Set(["bridge", "host", "none", ...names(store, "SELECT name FROM networks ORDER BY name")]),
];

/** `HUP`, `INT`, … */
export async function signalNames(): Promise<string[]> {
  const { signalName } = await import("../runtime/signals.ts");
  return Array.from({ length: 31 }, (_, index) => signalName(index + 1)?.replace(/^SIG/, "")).filter((name) => name !== undefined);
}
