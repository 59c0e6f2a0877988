/** Image rows: looking up, tagging. Removing is in image-remove.ts. References are full names (`docker.io/library/busybox:latest`). */
import { HoyError } from "../spec/error.ts";
import type { ImageConfig } from "../spec/image.ts";
import { familiarise, parseReference, repositoryName } from "../spec/reference.ts";
import type { Store } from "../state/store.ts";
import { recordImage } from "./image-events.ts";

export interface ImageRecord {
  /** sha256:<hex>, the digest of the config. */
  id: string;
  /** Digest of the manifest it came with. */
  manifest: string | null;
  /** Bytes of all layers, unpacked. */
  size: number;
  /** ms since the epoch, when it entered this store. */
  created: number;
  os: string;
  architecture: string;
  variant: string;
}

const COLUMNS = "id, manifest, size, created, os, architecture, variant";

/** The row with exactly this id. */
export const findImageById = (store: Store, id: string): ImageRecord | undefined =>
  (store.db.query(`SELECT ${COLUMNS} FROM images WHERE id = ? AND removed = 0`).get(id) as ImageRecord | null) ?? undefined;

export const listImages = (store: Store): ImageRecord[] =>
  store.db.query(`SELECT ${COLUMNS} FROM images WHERE removed = 0 ORDER BY created DESC, id`).all() as ImageRecord[];

/** Full names with tags, sorted. */
export const tagsOf = (store: Store, imageId: string): string[] =>
  store.db
    .query("SELECT reference FROM tags WHERE image_id = ? ORDER BY reference")
    .all(imageId)
    .map((row) => (row as { reference: string }).reference);

/** Docker's RepoDigests as full names: `docker.io/library/busybox@sha256:…`, sorted. */
export const repoDigestsOf = (store: Store, imageId: string): string[] =>
  store.db
    .query("SELECT repository || '@' || digest AS name FROM digests WHERE image_id = ? ORDER BY name")
    .all(imageId)
    .map((row) => (row as { name: string }).name);

/** The image config as the image brought it: checked when it came in, so only parsed here; also of an image removed by force. Throws HoyError without the image. */
export function imageConfig(store: Store, id: string): ImageConfig {
  const row = store.db.query("SELECT config FROM images WHERE id = ?").get(id) as { config: string } | null;
  if (!row) throw new HoyError(`No such image: ${id}`, { status: 404 });
  return JSON.parse(row.config) as ImageConfig;
}

export interface ImageName {
  /** What the user wrote. */
  name: string;
  /** Its full form with a tag or digest; undefined when it can be no reference. */
  reference?: string | undefined;
}

/**
 * The image that a user means: by tag, by repository and digest, by id (`sha256:…` or the hex digits) or a prefix of it that
 * fits one image alone. Undefined when there is none. Throws HoyError for a prefix of several.
 */
export function findImage(store: Store, { name, reference }: ImageName): ImageRecord | undefined {
  const named = reference === undefined ? undefined : findByReference(store, reference);
  return named ?? findByIdPrefix(store, name);
}

function findByReference(store: Store, reference: string): ImageRecord | undefined {
  const parsed = parseReference(reference);
  const id = parsed.digest
    ? store.db.query("SELECT image_id AS id FROM digests WHERE repository = ? AND digest = ?").get(repositoryName(parsed), parsed.digest)
    : store.db.query("SELECT image_id AS id FROM tags WHERE reference = ?").get(reference);
  return id ? findImageById(store, (id as { id: string }).id) : undefined;
}

/** True for what may be an image's id or a beginning of one. */
export const isIdPrefix = (text: string): boolean => /^(sha256:)?[0-9a-f]{1,64}$/.test(text);

function findByIdPrefix(store: Store, name: string): ImageRecord | undefined {
  if (!isIdPrefix(name)) return undefined;
  const prefix = name.startsWith("sha256:") ? name : `sha256:${name}`;
  // The end of the range is the prefix with its last character's successor.
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  const rows = store.db
    .query(`SELECT ${COLUMNS} FROM images WHERE id >= ? AND id < ? AND removed = 0 LIMIT 2`)
    .all(prefix, end) as ImageRecord[];
  if (rows.length > 1) throw new HoyError(`the image id ${name} is ambiguous: it begins that of several images`, { status: 400 });
  return rows[0];
}

/** Gives an image a name, in the transaction of the caller; another image that had it loses it. */
export function nameImage(store: Store, imageId: string, reference: string): void {
  store.db
    .query("INSERT INTO tags(reference, image_id) VALUES (?, ?) ON CONFLICT(reference) DO UPDATE SET image_id = excluded.image_id")
    .run(reference, imageId);
}

/** The same in a transaction of its own, with the event of `tag`. */
export function tagImage(store: Store, imageId: string, reference: string): void {
  store.db
    .transaction(() => {
      nameImage(store, imageId, reference);
      recordImage(store, { action: "tag", id: imageId, name: familiarise(reference) });
    })
    .immediate();
}

/**
 * Remembers the digest by which an image was pulled. `repository` is a full name without tag. The digest of an index stands for the
 * image that was last chosen from it: the one of another platform loses it, as it loses the tag.
 */
export function addRepoDigest(store: Store, imageId: string, { repository, digest }: { repository: string; digest: string }): void {
  store.db.query("DELETE FROM digests WHERE repository = ? AND digest = ? AND image_id <> ?").run(repository, digest, imageId);
  store.db.query("INSERT OR IGNORE INTO digests(repository, digest, image_id) VALUES (?, ?, ?)").run(repository, digest, imageId);
}
