/** Removing images with Docker's rules (moby, daemon/images/image_delete.go): names first, the image with its last name. */
import { HoyError } from "../spec/error.ts";
import { familiarise, parseReference, repositoryName } from "../spec/reference.ts";
import { keepReserve } from "../state/reserve.ts";
import type { Store } from "../state/store.ts";
import { collectGarbage } from "./collect.ts";
import { recordImage } from "./image-events.ts";
import { type ImageRecord, repoDigestsOf, tagsOf } from "./images.ts";
import { imageLayers } from "./layers.ts";

/** One line of `docker rmi`: `Untagged: busybox:latest`, `Deleted: sha256:…`. Names are in their familiar form. */
export type ImageRemoval = { untagged: string } | { deleted: string };

export interface RemoveImageRequest {
  image: ImageRecord;
  /** Full name by which the user found the image; undefined when it was the id. */
  reference?: string | undefined;
  /** What the user wrote, for messages. */
  name: string;
  force?: boolean;
}

interface User {
  id: string;
  state: string;
}

const short = (id: string): string => id.replace("sha256:", "").slice(0, 12);

const conflict = (message: string): HoyError => new HoyError(`conflict: ${message}`, { status: 409 });

const isRunning = ({ state }: User): boolean => state === "running" || state === "paused" || state === "restarting";

/**
 * Takes a name off an image, or the image away with all its names; then collects what it alone used. Throws HoyError (409) when
 * a container uses it: Docker's words, and Docker's rules for `force`. An image removed by force from under a stopped container
 * is seen no more, but the container still starts: its layers go with the container.
 */
export function removeImage(store: Store, request: RemoveImageRequest): ImageRemoval[] {
  const removals: ImageRemoval[] = [];
  const layers = imageLayers(store, request.image.id).reverse();
  const gone = store.db.transaction(() => removeRows(store, request, removals)).immediate();
  if (!gone) return removals;
  const collected = new Set(collectGarbage(store).layers);
  keepReserve(store.root);
  for (const { chainId } of layers) if (collected.has(chainId)) removals.push({ deleted: chainId });
  return removals;
}

/** True when the image went. */
function removeRows(store: Store, request: RemoveImageRequest, removals: ImageRemoval[]): boolean {
  const { image } = request;
  const users = store.db
    .query("SELECT id, state FROM containers WHERE id IN (SELECT container_id FROM image_users WHERE image_id = ?) ORDER BY created")
    .all(image.id) as User[];
  const isLast =
    request.reference !== undefined ? removeName(store, request, { users, removals }) : removeNames(store, request, { users, removals });
  if (!isLast) return false;
  if (users.length === 0) store.db.query("DELETE FROM images WHERE id = ?").run(image.id);
  else store.db.query("UPDATE images SET removed = 1 WHERE id = ?").run(image.id);
  recordImage(store, { action: "delete", id: image.id });
  removals.push({ deleted: image.id });
  return true;
}

interface Progress {
  /** Containers made from the image, or with a mount of it. */
  users: readonly User[];
  removals: ImageRemoval[];
}

const namesOf = (store: Store, imageId: string): string[] => [...tagsOf(store, imageId), ...repoDigestsOf(store, imageId)];

/** By name. True when the image is to go, too. */
function removeName(
  store: Store,
  { image, reference = "", name, force = false }: RemoveImageRequest,
  { users, removals }: Progress,
): boolean {
  const names = namesOf(store, image.id);
  const [user] = users;
  if (!force && user && isSingle(names))
    throw conflict(
      `unable to remove repository reference "${name}" (must force) - container ${short(user.id)} is using its referenced image ${short(image.id)}`,
    );
  const going = names.filter((full) => full === reference || goesWith(full, reference, names));
  for (const full of going) untag(store, { image, full, removals });
  return going.length === names.length && !users.some(isRunning) && (force || users.length === 0);
}

/** By id, with all its names. */
function removeNames(store: Store, { image, force = false }: RemoveImageRequest, { users, removals }: Progress): boolean {
  const names = namesOf(store, image.id);
  const running = users.find(isRunning);
  if (running)
    throw conflict(
      `unable to delete ${short(image.id)} (cannot be forced) - image is being used by running container ${short(running.id)}`,
    );
  if (!force && names.length > 0 && !isSingle(names))
    throw conflict(`unable to delete ${short(image.id)} (must be forced) - image is referenced in multiple repositories`);
  const [stopped] = users;
  if (!force && stopped)
    throw conflict(`unable to delete ${short(image.id)} (must be forced) - image is being used by stopped container ${short(stopped.id)}`);
  for (const full of names) untag(store, { image, full, removals });
  return true;
}

/** One tag at most, and all of one repository (moby's isSingleReference): then the id stands for the name. */
function isSingle(names: readonly string[]): boolean {
  const parsed = names.map(parseReference);
  return parsed.filter(({ digest }) => digest === undefined).length <= 1 && new Set(parsed.map(repositoryName)).size === 1;
}

/** The digests of a repository go with its last tag. */
function goesWith(full: string, reference: string, names: readonly string[]): boolean {
  const repository = repositoryName(parseReference(reference));
  if (parseReference(reference).digest !== undefined) return false;
  if (parseReference(full).digest === undefined || repositoryName(parseReference(full)) !== repository) return false;
  return !names.some((other) => {
    const parsed = parseReference(other);
    return other !== reference && parsed.digest === undefined && repositoryName(parsed) === repository;
  });
}

function untag(store: Store, { image, full, removals }: { image: ImageRecord; full: string; removals: ImageRemoval[] }): void {
  const parsed = parseReference(full);
  if (parsed.digest === undefined) store.db.query("DELETE FROM tags WHERE reference = ?").run(full);
  else
    store.db
      .query("DELETE FROM digests WHERE repository = ? AND digest = ? AND image_id = ?")
      .run(repositoryName(parsed), parsed.digest, image.id);
  recordImage(store, { action: "untag", id: image.id });
  removals.push({ untagged: familiarise(full) });
}
