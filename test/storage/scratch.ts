/** Folders, streams and stores for the tests of storage. */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type Store } from "../../src/state/store.ts";
import { removeTree } from "../../src/storage/remove.ts";
import { settleLayer, type UnpackedLayer, unpackLayer } from "../../src/storage/unpack.ts";
import { type TarEntry, tar } from "../harness/tar.ts";

export interface Scratch extends Disposable {
  readonly path: string;
}

/** A folder that goes at the end of the scope. */
export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), "hoys-"));
  chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => removeTree(path) };
}

/** Bytes as a stream of chunks of `size`. */
export async function* chunked(bytes: Uint8Array, size = 1 << 20): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export interface TestStore extends Disposable {
  readonly store: Store;
}

/** A store of its own, opened in this process. */
export function scratchStore(): TestStore {
  const folder = scratch();
  const store = openStore(join(folder.path, "root"));
  return {
    store,
    [Symbol.dispose]() {
      store.db.close();
      removeTree(store.run);
      folder[Symbol.dispose]();
    },
  };
}

/** Unpacks entries into a new folder `name` of `base`. */
export async function unpackInto(
  base: string,
  name: string,
  entries: readonly TarEntry[] | Uint8Array,
  lowers: readonly string[] = [],
): Promise<{ root: string; layer: UnpackedLayer }> {
  const root = join(base, name);
  mkdirSync(root);
  const rootless = process.getuid?.() !== 0;
  const bytes = entries instanceof Uint8Array ? entries : tar(entries);
  const layer = await unpackLayer(chunked(bytes, 1000), { root, rootless });
  settleLayer(layer, { root, lowers: lowers.map((lower) => join(base, lower)), rootless });
  return { root, layer };
}

/** Every path below a folder, sorted, with a letter for its type. Bun's own recursive readdir walks through links. */
export function listing(root: string): string[] {
  const found: [name: string, letter: string][] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const status = lstatSync(join(root, path));
      if (status.isDirectory()) walk(path);
      found.push([
        path,
        status.isDirectory() ? "d" : status.isSymbolicLink() ? "l" : status.isFile() ? "f" : status.isCharacterDevice() ? "c" : "o",
      ]);
    }
  };
  walk("");
  return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, letter]) => `${letter} ${name}`);
}
