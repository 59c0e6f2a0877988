/** Whether a store is at rest: what killed or crowded commands may have left in its database and folders, once somebody has swept. */
import { Database } from "bun:sqlite";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { leftovers } from "../harness/leftovers.ts";
import type { TestStore } from "../harness/store.ts";

export interface Row {
  id: string;
  name: string;
  state: string;
  exit_code: number;
}

/** Answers of the store's database, as another process reads them. */
export function query<T>(store: TestStore, sql: string): T[] {
  using db = new Database(join(store.root, "state.db"), { readonly: true });
  db.exec("PRAGMA busy_timeout=5000");
  return db.query(sql).all() as T[];
}

export const rows = (store: TestStore): Row[] => query<Row>(store, "SELECT id, name, state, exit_code FROM containers ORDER BY created");

const entries = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

function problems(store: TestStore): string[] {
  const known = rows(store);
  const ids = new Set(known.flatMap(({ id }) => [id, id.slice(0, 12)]));
  const strangers = (path: string): string[] =>
    entries(path)
      .filter((name) => !ids.has(name))
      .map((name) => join(path, name));
  return [
    ...strangers(join(store.root, "containers")).map((path) => `folder without a row: ${path}`),
    ...strangers(join(store.paths.run, "containers")).map((path) => `run folder without a row: ${path}`),
    ...known.filter(({ state }) => !["created", "exited"].includes(state)).map(({ name, state }) => `container ${name} is ${state}`),
    ...entries(join(store.root, "tmp")).map((name) => `tmp/${name}`),
    ...query<{ address: string }>(store, "SELECT address FROM endpoints").map(({ address }) => `lease of ${address}`),
    ...query<{ name: string }>(
      store,
      "SELECT name FROM volumes WHERE anonymous = 1 AND name NOT IN (SELECT volume FROM container_volumes)",
    ).map(({ name }) => `volume ${name}`),
  ];
}

/** Milliseconds in which what the last commands have begun has to come to an end. */
const PATIENCE_MS = 8_000;

/** What is not in order once a command has swept; empty is right. Containers may exist, but none may run. */
export async function unrest(store: TestStore): Promise<string[]> {
  for (const end = Date.now() + PATIENCE_MS; ; await Bun.sleep(100)) {
    rmSync(join(store.paths.run, "swept"), { force: true });
    await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"]);
    const found = problems(store);
    if (found.length === 0 || Date.now() > end) return [...found, ...(await leftovers(store.paths, store.dir))];
  }
}
