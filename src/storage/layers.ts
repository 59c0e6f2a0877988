/** Unpacked layers: layers/<hex of the chain id>/diff, their short links, and their rows. */

import { join } from "node:path";
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "../../ffi/fs.ts";
import { HoyError } from "../spec/error.ts";
import type { Store, StorePaths } from "../state/store.ts";
import { hexOf } from "./content.ts";

export interface LayerRecord {
  chainId: string;
  diffId: string;
  parent: string | null;
  /** Short name below layers/l. */
  link: string;
  /** Bytes of the files in it. */
  size: number;
}

/** ChainIDs of the layers with these DiffIDs, the lowest first (image-spec, config.md, "Layer ChainID"). */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : `sha256:${new Bun.CryptoHasher("sha256").update(`${below} ${diffId}`).digest("hex")}`);
  }
  return chain;
}

/** The folder that overlayfs takes. */
export const layerFolder = (store: StorePaths, chainId: string): string => join(store.root, "layers", hexOf(chainId), "diff");

const COLUMNS = "chain_id AS chainId, diff_id AS diffId, parent, link, size";

/** The row of a layer, or undefined. */
export const findLayer = (store: Store, chainId: string): LayerRecord | undefined =>
  (store.db.query(`SELECT ${COLUMNS} FROM layers WHERE chain_id = ?`).get(chainId) as LayerRecord | null) ?? undefined;

/** True when the layer is there, its files too: what somebody removed from the store's folder is fetched again. */
export const hasLayer = (store: Store, chainId: string): boolean =>
  findLayer(store, chainId) !== undefined && existsSync(layerFolder(store, chainId));

/** True when no layer of the image is missing. */
export const isWhole = (store: Store, imageId: string): boolean =>
  imageLayers(store, imageId).every(({ chainId }) => existsSync(layerFolder(store, chainId)));

/** The folder of the short links, made where it is missing. */
export function linksFolder(store: StorePaths): string {
  const folder = join(store.root, "layers", "l");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** The layers of an image, the lowest first. */
export const imageLayers = (store: Store, imageId: string): LayerRecord[] =>
  store.db
    .query(`SELECT ${COLUMNS.replace("chain_id AS", "layers.chain_id AS")} FROM image_layers JOIN layers USING (chain_id)
            WHERE image_id = ? ORDER BY position`)
    .all(imageId) as LayerRecord[];

export interface LayerPaths {
  /** Full paths of the folders, the topmost first, as overlayfs wants them. */
  folders: string[];
  /** The same through the short links, relative to the folder `layers`: `l/0123456789ab`. */
  links: string[];
}

/** Where the layers of an image lie. */
export function layerPaths(store: Store, imageId: string): LayerPaths {
  const layers = imageLayers(store, imageId).reverse();
  return {
    folders: layers.map(({ chainId }) => layerFolder(store, chainId)),
    links: layers.map(({ link }) => `l/${link}`),
  };
}

/** Digests of stored blobs that hold the tar of a diff id, packed or not. */
export const blobsOfDiff = (store: Store, diffId: string): { digest: string; size: number; mediaType: string }[] =>
  store.db
    .query(`SELECT digest, size, media_type AS mediaType FROM layer_blobs JOIN blobs USING (digest) WHERE diff_id = ? ORDER BY size`)
    .all(diffId) as { digest: string; size: number; mediaType: string }[];

export interface NewLayer {
  chainId: string;
  diffId: string;
  parent: string | undefined;
  size: number;
  /** The blob it came from, if that was kept. */
  blob?: { digest: string; size: number; mediaType: string } | undefined;
}

/**
 * Puts the folder `from` (with `diff` in it) in its place and writes the layer's row. The caller holds the layer's lock and a
 * lease whose folder is `scratch`. Throws HoyError.
 */
export function addLayer(store: Store, layer: NewLayer, { from, scratch }: { from: string; scratch: string }): void {
  const target = join(store.root, "layers", hexOf(layer.chainId));
  linksFolder(store);
  // Without a row it is what a dead process left.
  if (existsSync(target)) renameSync(target, join(scratch, `stale-${crypto.randomUUID()}`));
  renameSync(from, target);
  store.db
    .transaction(() => {
      const link = makeLink(store, layer.chainId);
      if (layer.blob) recordBlob(store, layer.blob);
      store.db
        .query(
          "INSERT INTO layers(chain_id, diff_id, parent, link, size) VALUES (?, ?, ?, ?, ?) ON CONFLICT(chain_id) DO UPDATE SET size = excluded.size",
        )
        .run(layer.chainId, layer.diffId, layer.parent ?? null, link, layer.size);
      if (layer.blob)
        store.db.query("INSERT OR IGNORE INTO layer_blobs(diff_id, digest) VALUES (?, ?)").run(layer.diffId, layer.blob.digest);
    })
    .immediate();
}

/** Writes a blob's row; the file must be in its place. Call it inside a transaction. */
export function recordBlob(store: Store, blob: { digest: string; size: number; mediaType: string }): void {
  store.db.query("INSERT OR IGNORE INTO blobs(digest, size, media_type) VALUES (?, ?, ?)").run(blob.digest, blob.size, blob.mediaType);
}

const LINK_LENGTH = 12;

/** The shortest free name, so that many of them fit the page of the old mount call. */
function makeLink(store: Store, chainId: string): string {
  const hex = hexOf(chainId);
  const taken = store.db.query("SELECT 1 FROM layers WHERE link = ? AND chain_id != ?");
  for (let length = LINK_LENGTH; length <= hex.length; length++) {
    const link = hex.slice(0, length);
    if (taken.get(link, chainId)) continue;
    const path = join(store.root, "layers", "l", link);
    const target = `../${hex}/diff`;
    if (linkTarget(path) === target) return link;
    rmSync(path, { force: true });
    symlinkSync(target, path);
    return link;
  }
  throw new HoyError(`layer ${chainId} is in the store already`);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Not there, which is the rule.
    return undefined;
  }
}
