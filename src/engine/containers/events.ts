/** Events of containers, with the attributes that Docker gives them: image, name and the labels. */
import { record } from "../../state/events.ts";
import type { Store } from "../../state/store.ts";
import type { ContainerRow } from "./row.ts";

/** Writes an event of the container; inside the transaction of what it tells of. */
export function recordContainer(store: Store, row: ContainerRow, action: string, more: Record<string, string> = {}): void {
  const attributes = { ...row.options.config.Labels, image: row.image, name: row.name, ...more };
  record(store, { type: "container", action, actor: row.id, attributes });
}
