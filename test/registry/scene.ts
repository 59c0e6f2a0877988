/** What the tests of pulling share: a store, a registry with images, and short timeouts. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PullEvent, type PullRequest, type PullResult, pullImage } from "../../src/registry/pull.ts";
import { parseTagged } from "../../src/spec/reference.ts";
import { openStore, type Store } from "../../src/state/store.ts";
import { type TestImage, writeOciLayout } from "../harness/images.ts";
import { type Registry, skopeoCopy } from "../harness/registry.ts";

/** Sets variables for a while. */
export function withEnvironment(values: Record<string, string | undefined>): Disposable {
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  for (const [name, value] of Object.entries(values)) set(name, value);
  return { [Symbol.dispose]: () => before.forEach(([name, value]) => void set(name, value)) };
}

export interface Scene extends Disposable {
  readonly store: Store;
  readonly events: PullEvent[];
  pull(name: string, request?: Partial<PullRequest>): Promise<PullResult>;
  /** Rows and files of images, layers and work in progress: all empty after a pull that failed. */
  remains(): Record<string, unknown>;
}

/** A store of its own, half a second of patience with registries, and no account but what the test saves. */
export function scene(): Scene {
  const folder = mkdtempSync(join(tmpdir(), "hoy-pull-"));
  const environment = withEnvironment({ HOY_REGISTRY_TIMEOUT: "500ms", DOCKER_CONFIG: join(folder, "docker") });
  const store = openStore(join(folder, "root"));
  const events: PullEvent[] = [];
  const count = (table: string): number => (store.db.query(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
  const entries = (path: string): string[] => (existsSync(join(store.root, path)) ? readdirSync(join(store.root, path)) : []);
  return {
    store,
    events,
    pull: (name, request = {}) => pullImage(store, parseTagged(name), { settings: {}, onEvent: (event) => events.push(event), ...request }),
    remains: () => ({
      rows: Object.fromEntries(["images", "layers", "blobs", "tags", "digests"].map((table) => [table, count(table)])),
      tmp: entries("tmp"),
      blobs: entries("blobs/sha256"),
      layers: entries("layers").filter((name) => name !== "l"),
    }),
    [Symbol.dispose]() {
      environment[Symbol.dispose]();
      store.db.close();
      rmSync(folder, { recursive: true, force: true });
      rmSync(store.run, { recursive: true, force: true });
    },
  };
}

export const NOTHING = { rows: { images: 0, layers: 0, blobs: 0, tags: 0, digests: 0 }, tmp: [], blobs: [], layers: [] };

/** Puts images into a registry with skopeo under `name`, several as an index. Returns the digest of what the tag names. */
export async function publish(
  registry: Registry,
  name: string,
  images: TestImage | readonly TestImage[],
  flags: readonly string[] = [],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "hoy-layout-"));
  try {
    const digest = writeOciLayout(folder, images);
    await skopeoCopy(`oci:${folder}:latest`, `docker://${registry.address}/${name}`, ["--all", "--preserve-digests", ...flags]);
    return digest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A layer that does not compress: `size` bytes that look random, the same each time. */
export function noiseImage(size: number, seed = 1): TestImage {
  const data = new Uint8Array(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[at] = state >>> 24;
  }
  return { layers: [[{ name: "noise", data }]], compression: "none" };
}
