/** Events of images, in Docker's form (moby daemon/images: LogImageEvent): the image's labels, and a name. */
import { record } from "../state/events.ts";
import type { Store } from "../state/store.ts";

export interface ImageEvent {
  action: "pull" | "import" | "load" | "tag" | "untag" | "delete";
  /** The image's id. */
  id: string;
  /** What Docker calls the image in this event, when that is not its id. */
  actor?: string;
  /** The attribute `name`, the id by default. */
  name?: string;
}

/** Writes one event. Call it inside the transaction of the change; an image whose row is gone has no labels any more. */
export function recordImage(store: Store, { action, id, actor = id, name = id }: ImageEvent): void {
  const row = store.db.query("SELECT json_extract(config, '$.config.Labels') AS labels FROM images WHERE id = ?").get(id) as {
    labels: string | null;
  } | null;
  const labels = row?.labels ? (JSON.parse(row.labels) as Record<string, string>) : {};
  record(store, { type: "image", action, actor, attributes: { ...labels, name } });
}
