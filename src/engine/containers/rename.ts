/** `rename` (moby daemon/rename.go). */
import { HoyError, notFound } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { recordContainer } from "./events.ts";
import { checkContainerName, nameConflict } from "./names.ts";
import { rowById } from "./row.ts";

const withReason = (error: HoyError): HoyError =>
  new HoyError(`Error when allocating new name: ${error.message}`, { status: error.status, cause: error });

function checkedName(text: string): string {
  try {
    return checkContainerName(text);
  } catch (error) {
    throw error instanceof HoyError ? withReason(error) : error;
  }
}

/** Gives the container another name, whatever it does. Throws HoyError: 400 for what is no name or no change, 409 for another's. */
export function renameContainer(store: Store, id: string, newName: string): void {
  const name = checkedName(newName);
  store.db
    .transaction(() => {
      const row = rowById(store, id);
      if (!row) throw notFound("container", id);
      if (row.name === name) throw new HoyError("Renaming a container with the same name as its current name", { status: 400 });
      const other = store.db.query("SELECT id FROM containers WHERE name = ?").get(name) as { id: string } | null;
      if (other) throw withReason(nameConflict(name, other.id));
      store.db.query("UPDATE containers SET name = ? WHERE id = ?").run(name, id);
      recordContainer(store, { ...row, name }, "rename", { oldName: `/${row.name}` });
    })
    .immediate();
}
