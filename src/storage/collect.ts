/**
 * Garbage collection: what no image, no container and no living lease refers to goes. Rows go first, in one transaction; then
 * files without a row are moved into a lease's folder and deleted there, so that a death in between leaves only what the next
 * collection finds. Leases are read inside of the write transaction: whoever takes one later sees the rows gone.
 */

import { join } from "node:path";
import { readdirSync, readlinkSync, renameSync, rmSync } from "../../ffi/fs.ts";
import { forGood, type Store } from "../state/store.ts";
import { linksFolder } from "./layers.ts";
import { leasedDigests, sweepTemporary, takeLease } from "./lease.ts";

export interface Collected {
  /** Chain ids of the layers that went. */
  layers: string[];
  /** Digests of the blobs that went. */
  blobs: string[];
  /** Bytes of the blobs and of the layers' files. */
  bytes: number;
}

const HEX = /^[0-9a-f]{64}$/;

/** Layers that no image has, nor one above them. A container's image keeps its row as long as the container is there. */
function unusedLayers(store: Store, leased: ReadonlySet<string>): { chainId: string; size: number }[] {
  const rows = store.db.query("SELECT chain_id AS chainId, parent, size FROM layers").all() as {
    chainId: string;
    parent: string | null;
    size: number;
  }[];
  const byId = new Map(rows.map((row) => [row.chainId, row]));
  const used = new Set<string>();
  const mark = (start: string): void => {
    for (let id: string | null = start; id && !used.has(id); id = byId.get(id)?.parent ?? null) used.add(id);
  };
  for (const row of store.db.query("SELECT DISTINCT chain_id AS chainId FROM image_layers").all())
    mark((row as { chainId: string }).chainId);
  for (const digest of leased) mark(digest);
  return rows.filter(({ chainId }) => !used.has(chainId));
}

/** Blobs that are no document of an image and hold no layer's tar. */
function unusedBlobs(store: Store, leased: ReadonlySet<string>): { digest: string; size: number }[] {
  const rows = store.db
    .query(
      `SELECT digest, size FROM blobs
       WHERE digest NOT IN (SELECT id FROM images)
         AND digest NOT IN (SELECT manifest FROM images WHERE manifest IS NOT NULL)
         AND digest NOT IN (SELECT digest FROM digests)
         AND digest NOT IN (SELECT layer_blobs.digest FROM layer_blobs JOIN layers USING (diff_id))`,
    )
    .all() as { digest: string; size: number }[];
  return rows.filter(({ digest }) => !leased.has(digest));
}

/** Removes what nothing refers to any more. Safe beside pulls, loads and other collections, and against SIGKILL. Throws SysError. */
export function collectGarbage(store: Store): Collected {
  sweepTemporary(store);
  forGood(store);
  using trash = takeLease(store);
  const collected: Collected = { layers: [], blobs: [], bytes: 0 };
  store.db
    .transaction(() => {
      const leased = leasedDigests(store);
      store.db.query("DELETE FROM images WHERE removed = 1 AND id NOT IN (SELECT image_id FROM image_users)").run();
      for (const { chainId, size } of unusedLayers(store, leased)) {
        store.db.query("DELETE FROM layers WHERE chain_id = ?").run(chainId);
        collected.layers.push(chainId);
        collected.bytes += size;
      }
      for (const { digest, size } of unusedBlobs(store, leased)) {
        store.db.query("DELETE FROM blobs WHERE digest = ?").run(digest);
        collected.blobs.push(digest);
        collected.bytes += size;
      }
    })
    .immediate();
  store.db.transaction(() => sweepFiles(store, trash.folder)).immediate();
  return collected;
}

/** Moves blobs and layers that have no row to `trash`. Inside a write transaction nobody adds a row meanwhile. */
function sweepFiles(store: Store, trash: string): void {
  const leased = leasedDigests(store);
  const blobs = new Set(column(store, "SELECT digest AS value FROM blobs"));
  const layers = new Set(column(store, "SELECT chain_id AS value FROM layers"));
  const move = (folder: string, known: ReadonlySet<string>): void => {
    for (const name of readdirSync(folder)) {
      const digest = `sha256:${name}`;
      if (HEX.test(name) && !known.has(digest) && !leased.has(digest))
        renameSync(join(folder, name), join(trash, `${known === blobs ? "b" : "l"}-${name}`));
    }
  };
  move(join(store.root, "blobs", "sha256"), blobs);
  const links = linksFolder(store);
  move(join(store.root, "layers"), layers);
  const targets = new Set([...layers].map((chainId) => `../${chainId.slice("sha256:".length)}/diff`));
  for (const name of readdirSync(links)) {
    const target = readlinkSync(join(links, name));
    if (!targets.has(target) && !leased.has(`sha256:${target.split("/")[1]}`)) rmSync(join(links, name), { force: true });
  }
}

const column = (store: Store, query: string): string[] =>
  store.db
    .query(query)
    .all()
    .map((row) => (row as { value: string }).value);
