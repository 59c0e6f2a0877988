/** `export`: the container's root file system as one flat tar, without what is mounted in it. */
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import type { Store } from "../../state/store.ts";
import { treeMembers } from "../../storage/pack.ts";
import { writeTar } from "../../storage/tar/writer.ts";
import { recordContainer } from "./events.ts";
import type { ContainerRow } from "./row.ts";
import { viewRootfs } from "./view.ts";

/** The archive's bytes; each piece is valid until the next one is asked for. Throws HoyError or SysError. */
export async function* exportContainer(store: Store, row: ContainerRow): AsyncGenerator<Uint8Array> {
  using view = viewRootfs(store, row.id);
  using root = reopened(view.root);
  yield* writeTar(treeMembers(root.number, ""));
  store.db.transaction(() => recordContainer(store, row, "export")).immediate();
}

/** The same folder, open to be read. */
export const reopened = (folder: Fd): Fd => open(folder.path, O_RDONLY | O_DIRECTORY);
