/** Containers by what users call them: id, name, or the beginning of an id (moby daemon/container.go, GetContainer). */
import { HoyError, notFound } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { type ContainerRow, ROW_COLUMNS, toRow } from "./row.ts";

/** In Docker's order: the whole id, the name, a unique beginning of an id. Throws `No such container: x` (404), or for several (400). */
export function findContainer(store: Pick<Store, "db">, text: string): ContainerRow {
  const row = lookUp(store, text);
  if (!row) throw notFound("container", text);
  return row;
}

/** The same, undefined where there is none. */
export function lookUp({ db }: Pick<Store, "db">, text: string): ContainerRow | undefined {
  const name = text.startsWith("/") ? text.slice(1) : text;
  const exact = db.query(`SELECT ${ROW_COLUMNS} FROM containers WHERE id = ?1 OR name = ?2 ORDER BY id = ?1 DESC LIMIT 1`).get(text, name);
  if (exact) return toRow(exact);
  if (!/^[0-9a-f]{1,64}$/.test(text)) return undefined;
  // "g" sorts behind every hex digit: the range is an index search, which LIKE would not be.
  const found = db.query(`SELECT ${ROW_COLUMNS} FROM containers WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2`).all(text);
  if (found.length > 1)
    throw new HoyError(`multiple IDs found with provided prefix: ${text}`, { status: 400, hint: "give more digits, or the name" });
  return found.length === 1 ? toRow(found[0]) : undefined;
}
