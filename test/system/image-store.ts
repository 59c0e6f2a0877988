/** What the system tests of images share: containers of an image, and what a store holds. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome, RunOptions } from "../harness/hoy.ts";
import type { TestStore } from "../harness/store.ts";

/** `hoy run --rm --network none ARGS…` */
export const runArgs = (...args: readonly string[]): string[] => ["run", "--rm", "--network", "none", ...args];

/** Standard output of a container that ended well. */
export const runs = (store: TestStore, args: readonly string[], options?: RunOptions): Promise<string> =>
  store.ok(runArgs(...args), options);

const entries = (path: string): string[] => (existsSync(path) ? readdirSync(path).sort() : []);

/** Names of the files that a store holds of images: all empty where none is. */
export const holdings = ({ root }: TestStore): { tmp: string[]; layers: string[]; links: string[]; blobs: string[]; locks: string[] } => ({
  tmp: entries(join(root, "tmp")),
  layers: entries(join(root, "layers")).filter((name) => name !== "l"),
  links: entries(join(root, "layers/l")),
  blobs: entries(join(root, "blobs/sha256")),
  locks: entries(join(root, "locks")).filter((name) => name.startsWith("layer-")),
});

export const NO_HOLDINGS = { tmp: [], layers: [], links: [], blobs: [], locks: [] };

/** Writes bytes beside the store, for `load -i`. Returns the path. */
export function fileBeside(store: TestStore, name: string, bytes: string | Uint8Array): string {
  const path = join(store.dir, name);
  writeFileSync(path, bytes);
  return path;
}

/** Code and standard error without its last newline. */
export const failure = ({ code, stderr }: Outcome): [number, string] => [code, stderr.trimEnd()];
