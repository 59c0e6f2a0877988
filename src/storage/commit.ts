/**
 * A container's own layer as a layer of an image, in one pass: its files go into the new layer's folder, and what the tar of them
 * would be goes through the hash that gives the layer its name. No tar is kept: `save` makes the same one again.
 *
 *     upper ──members──> sha256 of the tar (diff id)
 *                   └──> tmp/…/layer/diff ──rename──> layers/<chain id>
 */
import { join } from "node:path";
import { O_DIRECTORY, O_RDONLY, open } from "../../ffi/fd.ts";
import { mkdirSync } from "../../ffi/fs.ts";
import type { Store } from "../state/store.ts";
import { lockLayer } from "./ingest/lock.ts";
import { addLayer, chainIds, hasLayer, layerFolder } from "./layers.ts";
import type { Lease } from "./lease.ts";
import { layerMembers, type TreeMember } from "./pack.ts";
import type { TarSink } from "./tar/parser.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar/writer.ts";
import { copyMembers } from "./tree-copy.ts";
import { layerWriter } from "./unpack/writer.ts";
import { settleLayer } from "./unpack.ts";

export interface CommitLayer {
  /** Folder of the container's own layer. */
  upper: string;
  /** Diff ids of the image's layers below it, the lowest first. */
  below: readonly string[];
  /** Keeps the new layer until an image has it. */
  lease: Lease;
  /** Names of files directly in `upper` or below, as paths, that are the engine's own and no part of the image. */
  leaveOut?: (path: string) => boolean;
}

/** Adds the layer and returns its diff id; undefined where there is nothing in it. Throws HoyError or SysError; then nothing was added. */
export async function commitLayer(store: Store, { upper, below, lease, leaveOut }: CommitLayer): Promise<string | undefined> {
  const folder = join(lease.folder, "layer");
  const diff = join(folder, "diff");
  mkdirSync(diff, { recursive: true, mode: 0o700 });
  const hash = new Bun.CryptoHasher("sha256");
  using root = open(diff, O_RDONLY | O_DIRECTORY);
  using writer = layerWriter(root.number, store.rootless);
  let count = 0;
  function* counted(): Generator<TreeMember> {
    for (const member of layerMembers(upper, store)) {
      if (leaveOut?.(member.entry.name)) continue;
      count++;
      hash.update(tarHeader(member.entry));
      yield member;
    }
  }
  await copyMembers(counted(), hashedSink(writer, hash));
  if (count === 0) return undefined;
  hash.update(tarEnd());
  const diffId = `sha256:${hash.digest("hex")}`;
  const chain = chainIds([...below, diffId]);
  const chainId = chain.at(-1) as string;
  lease.keep(chainId);
  const unpacked = writer.finish();
  using _lock = await lockLayer(store, chainId, { signal: new AbortController().signal, onWait: () => undefined });
  if (hasLayer(store, chainId)) return diffId;
  const lowers = chain.slice(0, -1).reverse();
  settleLayer(unpacked, { root: diff, lowers: lowers.map((id) => layerFolder(store, id)), rootless: store.rootless });
  addLayer(store, { chainId, diffId, parent: lowers[0], size: unpacked.size }, { from: folder, scratch: lease.folder });
  return diffId;
}

/** Hashes the data and its padding on the way. */
function hashedSink(sink: TarSink, hash: Bun.CryptoHasher): TarSink {
  let size = 0;
  return {
    entry(entry) {
      size = 0;
      sink.entry(entry);
    },
    data(bytes, offset) {
      size += bytes.length;
      hash.update(bytes);
      sink.data(bytes, offset);
    },
    end() {
      if (size > 0) hash.update(tarPadding(size));
      sink.end();
    },
  };
}
