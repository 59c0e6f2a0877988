import { describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../src/state/store.ts";
import { collectGarbage } from "../../src/storage/collect.ts";
import { blobPath, digestOf } from "../../src/storage/content.ts";
import { removeImage } from "../../src/storage/image-remove.ts";
import { findImageById, imageConfig } from "../../src/storage/images.ts";
import { ingestImage, type LayerPhase } from "../../src/storage/ingest.ts";
import { chainIds, imageLayers, layerFolder, layerPaths } from "../../src/storage/layers.ts";
import { takeLease } from "../../src/storage/lease.ts";
import { type Blob, buildImage, sha256 } from "../harness/images.ts";
import { requires } from "../harness/requires.ts";
import { addImage, requestOf, smallImage } from "./images.ts";
import { chunked, scratch, scratchStore } from "./scratch.ts";

/** Everything in the store but the database. */
const contents = (store: Store): string[] =>
  ["blobs/sha256", "layers", "layers/l", "tmp", "locks"].flatMap((folder) =>
    readdirSync(join(store.root, folder)).map((name) => `${folder}/${name}`),
  );
const EMPTY = ["layers/l"];

const failureOf = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error("nothing was thrown");
    },
    (error) => error as Error,
  );

/** Digests of blobs that have a row and no file. */
const missingBlobs = (store: Store): unknown[] =>
  store.db
    .query("SELECT digest FROM blobs")
    .all()
    .filter((row) => !existsSync(blobPath(store, (row as { digest: string }).digest)));

describe("a collection beside it takes no blob", () => {
  for (const spooled of [false, true])
    test(`whose digest nobody announced, ${spooled ? "from a spooled file" : "from a stream"}`, async () => {
      using scope = scratchStore();
      using dir = scratch();
      const { store } = scope;
      const built = buildImage(smallImage("x"));
      const request = requestOf(built);
      const layers = request.layers.map((layer, position) => {
        const { digest, data } = built.layers[position] as Blob;
        const file = { path: join(dir.path, String(position)), digest, size: data.length };
        writeFileSync(file.path, data);
        return { ...layer, digest: undefined, size: undefined, ...(spooled ? { file } : {}) };
      });
      const collected: unknown[] = [];
      const onProgress = (_: string, phase: LayerPhase): void => {
        if (phase === "extracting") collected.push(collectGarbage(store).blobs);
      };
      await ingestImage(store, { ...request, layers, onProgress });
      expect(collected.length).toBeGreaterThan(1);
      for (const { digest } of built.layers) expect(existsSync(blobPath(store, digest))).toBe(true);
    });

  test("of another image, which is removed meanwhile, though it holds the same tar under another digest", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const layer = [{ name: "f", data: "same" }];
    const old = await ingestImage(store, requestOf(buildImage({ layers: [layer], compression: "zstd" })));
    let removals = 0;
    const built = buildImage({ layers: [[{ name: "g", data: "new" }], layer] });
    const onProgress = (name: string, phase: LayerPhase): void => {
      if (phase === "extracting" && name === built.layers[1]?.digest && findImageById(store, old.id))
        removals += removeImage(store, { image: old, name: old.id }).length;
    };
    const opened: string[] = [];
    const image = await ingestImage(store, { ...requestOf(built, opened), onProgress });
    expect(removals).toBeGreaterThan(0);
    expect(opened).toEqual([built.layers[0]?.digest as string]);
    expect(missingBlobs(store)).toEqual([]);
    expect(readFileSync(join(layerPaths(store, image.id).folders[0] as string, "f"), "utf8")).toBe("same");
  });
});

describe("an image comes in", () => {
  for (const compression of ["gzip", "zstd", "none"] as const) {
    test(`layers packed with ${compression}`, async () => {
      using scope = scratchStore();
      const { store } = scope;
      const built = buildImage({ ...smallImage("x"), compression });
      const image = await ingestImage(store, requestOf(built));
      expect(image).toMatchObject({ id: built.config.digest, manifest: built.manifest.digest, size: 5, os: "linux" });
      expect(imageConfig(store, image.id).rootfs.diff_ids).toEqual(built.tars.map(sha256));
      const { folders, links } = layerPaths(store, image.id);
      expect(readFileSync(join(folders[0] as string, "own"), "utf8")).toBe("x");
      expect(readFileSync(join(store.root, "layers", links[1] as string, "base/f"), "utf8")).toBe("base");
      for (const { digest, data } of [...built.layers, built.manifest, built.config])
        expect(readFileSync(blobPath(store, digest)).equals(data)).toBe(true);
      expect(readdirSync(join(store.root, "tmp"))).toEqual([]);
      expect(readdirSync(join(store.root, "locks"))).toEqual([]);
      expect(lstatSync(join(store.root, "layers", (imageLayers(store, image.id)[0]?.chainId ?? "").slice(7))).mode & 0o777).toBe(0o700);
    });
  }

  test("a second time costs nothing, and a layer is shared", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const first = await addImage(store, smallImage("a"));
    const opened: string[] = [];
    await ingestImage(store, requestOf(buildImage(smallImage("a")), opened));
    expect(opened).toEqual([]);
    const phases: string[] = [];
    const other = buildImage(smallImage("b"));
    const second = await ingestImage(store, { ...requestOf(other, opened), onProgress: (_, phase) => void phases.push(phase) });
    expect(opened).toEqual([other.layers[1]?.digest as string]);
    expect(phases).toContain("exists");
    expect(phases).toContain("downloading");
    expect(phases.at(-1)).toBe("done");
    expect(imageLayers(store, first.id)[0]?.chainId).toBe(imageLayers(store, second.id)[0]?.chainId as string);
  });

  test("the same tar over other layers is not fetched again; twice in one image it is fetched once", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const layer = [{ name: "f", data: "same" }];
    const opened: string[] = [];
    await ingestImage(store, requestOf(buildImage({ layers: [layer, layer, layer] }), opened));
    expect(opened.length).toBe(1);
    const image = await ingestImage(store, requestOf(buildImage({ layers: [[{ name: "g", data: "new" }], layer] }), opened));
    expect(opened.length).toBe(2);
    expect(readFileSync(join(layerPaths(store, image.id).folders[0] as string, "f"), "utf8")).toBe("same");
  });

  test("what follows the end of a gzip stream belongs to the blob", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const built = buildImage(smallImage("x"));
    const padding = new Uint8Array(3 << 20);
    const layers = built.layers.map((layer) => {
      const data = new Uint8Array(Buffer.concat([layer.data, padding]));
      return { ...layer, data, digest: sha256(data) };
    });
    await ingestImage(store, requestOf({ ...built, layers }));
    for (const { digest, data } of layers) expect(readFileSync(blobPath(store, digest)).equals(data)).toBe(true);
  });

  test("a source that breaks behind the end of its gzip stream says so", async () => {
    using scope = scratchStore();
    const request = requestOf(buildImage({ layers: [[{ name: "f", data: "x" }]] }));
    const [layer] = request.layers;
    async function* breaking() {
      yield* layer?.open() ?? [];
      for (let chunks = 0; chunks < 100; chunks++) yield new Uint8Array(4096);
      throw new Error("the registry went away");
    }
    const layers = request.layers.map((source) => ({ ...source, size: undefined, digest: undefined, open: breaking }));
    expect((await failureOf(ingestImage(scope.store, { ...request, layers }))).message).toBe("the registry went away");
    expect(contents(scope.store)).toEqual(EMPTY);
  });

  test("a source is closed when its bytes are wrong", async () => {
    using scope = scratchStore();
    const request = requestOf(buildImage({ layers: [[{ name: "f", data: "x" }]] }));
    const closed = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield Buffer.from("no tar at all, and no end of it. ".repeat(1000));
      } finally {
        closed.resolve();
      }
    }
    const layers = request.layers.map((source) => ({ ...source, size: undefined, digest: undefined, open: endless }));
    await failureOf(ingestImage(scope.store, { ...request, layers }));
    await closed.promise;
  });

  test("an image without layers", async () => {
    using scope = scratchStore();
    const image = await addImage(scope.store, { layers: [] });
    expect([image.size, layerPaths(scope.store, image.id)]).toEqual([0, { folders: [], links: [] }]);
  });

  test("chain ids as in the image-spec", () => {
    const [a, b] = [sha256("a"), sha256("b")];
    expect(chainIds([a, b])).toEqual([a, sha256(`${a} ${b}`)]);
  });

  test("a folder without its row, left by a dead process, is replaced", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const built = buildImage(smallImage("x"));
    const chainId = chainIds(built.tars.map(sha256))[0] as string;
    mkdirSync(layerFolder(store, chainId), { recursive: true });
    writeFileSync(join(layerFolder(store, chainId), "rubbish"), "x");
    await ingestImage(store, requestOf(built));
    expect(readdirSync(layerFolder(store, chainId))).toEqual(["base"]);
  });

  requires("root")("several processes at once share the work", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, join(import.meta.dir, "ingest-child.ts"), store.root], { stderr: "pipe", stdout: "pipe" }),
    );
    const results = await Promise.all(
      children.map(
        async (child) => [await child.exited, await new Response(child.stderr).text(), await new Response(child.stdout).text()] as const,
      ),
    );
    expect(results.map(([code, stderr]) => [code, stderr])).toEqual(children.map(() => [0, ""]));
    const opened = results.reduce((sum, [, , stdout]) => sum + Number(stdout), 0);
    expect(opened).toBe(8);
    expect(readdirSync(join(store.root, "tmp"))).toEqual([]);
  });

  test("SIGKILL in the middle leaves nothing that counts, and the next one sweeps it", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "ingest-child.ts"), store.root, "hang"], {
      stdout: "pipe",
      stderr: "inherit",
    });
    await child.stdout.getReader().read();
    child.kill("SIGKILL");
    await child.exited;
    expect(readdirSync(join(store.root, "tmp")).length).toBe(1);
    const { sweepTemporary } = await import("../../src/storage/lease.ts");
    sweepTemporary(store);
    expect(readdirSync(join(store.root, "tmp"))).toEqual([]);
    expect((store.db.query("SELECT count(*) AS n FROM images").get() as { n: number }).n).toBe(0);
    await addImage(store, smallImage("x"));
  });
});

describe("what is wrong is refused, and nothing stays", () => {
  const built = buildImage(smallImage("x"));
  const request = () => requestOf(built);
  type Change = (layer: ReturnType<typeof request>["layers"][number]) => Partial<ReturnType<typeof request>["layers"][number]>;
  const withLayer = (change: Change) => ({
    ...request(),
    layers: request().layers.map((layer, at) => (at === 1 ? { ...layer, ...change(layer) } : layer)),
  });
  const data = built.layers[1]?.data as Uint8Array;
  const flipped = Uint8Array.from(data);
  flipped[data.length - 9] = (flipped[data.length - 9] as number) ^ 1;
  const NO_TAR = Buffer.alloc(1024, "x");
  const other = buildImage(smallImage("other")).layers[1] as { data: Uint8Array; digest: string };

  const cases: [string, Parameters<typeof ingestImage>[1], RegExp][] = [
    ["fewer bytes than announced", withLayer(() => ({ size: data.length + 1 })), /bytes instead of the announced/],
    ["more bytes than announced", withLayer(() => ({ size: data.length - 1 })), /more than the announced/],
    [
      "other content of the same form",
      withLayer(() => ({ open: () => chunked(other.data), size: other.data.length })),
      /wrong content|has the digest/,
    ],
    [
      "content that is not the config's",
      withLayer(() => ({ open: () => chunked(other.data), size: other.data.length, digest: other.digest })),
      /its content has the digest .* instead of/,
    ],
    ["a damaged gzip", withLayer(() => ({ open: () => chunked(flipped) })), /corrupt gzip stream|wrong content/],
    [
      "a stream that ends early",
      withLayer(() => ({ open: () => chunked(data.subarray(0, data.length / 2)) })),
      /\d+ bytes instead of the announced \d+/,
    ],
    ["no tar at all", withLayer(() => ({ open: () => chunked(Buffer.alloc(1024, "x")), size: 1024 })), /wrong content, its digest is/],
    [
      "no tar at all, as announced",
      withLayer(() => ({ open: () => chunked(NO_TAR), size: NO_TAR.length, digest: digestOf(NO_TAR), origin: "registry x" })),
      /^layer sha256:[0-9a-f]+ from registry x: corrupt archive/,
    ],
    ["a manifest with fewer layers", { ...request(), layers: request().layers.slice(1) }, /has 2 layers, its manifest 1/],
    ["layers in another order", { ...request(), layers: request().layers.toReversed() }, /the image config says/],
    ["a config that is no JSON", { ...request(), config: Buffer.from("{") }, /^image config sha256:[0-9a-f]+: /],
    ["a config that is no text", { ...request(), config: Buffer.from([0xff, 0xfe]) }, /is no text/],
    ["a config without layers", { ...request(), config: Buffer.from('{"os":"linux"}') }, /rootfs/],
    [
      "a config with a digest that is a path",
      { ...request(), config: Buffer.from('{"rootfs":{"type":"layers","diff_ids":["sha256:../../x"]}}') },
      /is no sha256 digest/,
    ],
  ];
  for (const [title, wrong, message] of cases) {
    test(title, async () => {
      using scope = scratchStore();
      const error = await failureOf(ingestImage(scope.store, wrong));
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain("\n");
      expect(findImageById(scope.store, built.config.digest)).toBeUndefined();
      expect(contents(scope.store).filter((name) => name.startsWith("tmp") || name.startsWith("locks"))).toEqual([]);
      // A lower layer that was right may stay for the next try; collection takes it.
      const { collectGarbage } = await import("../../src/storage/collect.ts");
      collectGarbage(scope.store);
      expect(contents(scope.store)).toEqual(EMPTY);
    });
  }

  test("a source that hangs is left when another layer fails, and when the caller gives up", async () => {
    using scope = scratchStore();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield data.subarray(0, 10);
      await new Promise(() => undefined);
    }
    const [low, high] = request().layers as [ReturnType<typeof request>["layers"][number], ReturnType<typeof request>["layers"][number]];
    const failing = { ...low, open: () => chunked(Buffer.alloc(10, "x")) };
    const error = await failureOf(ingestImage(scope.store, { ...request(), layers: [failing, { ...high, open: hanging }] }));
    expect(error.message).toContain("10 bytes instead of the announced");
    const stop = new AbortController();
    const pending = failureOf(ingestImage(scope.store, { ...request(), layers: [low, { ...high, open: hanging }], signal: stop.signal }));
    setTimeout(() => stop.abort(new Error("given up")), 50);
    expect((await pending).message).toBe("given up");
    expect(readdirSync(join(scope.store.root, "tmp"))).toEqual([]);
  });

  requires("root", "namespaces")("a full disk is one line, and nothing stays", async () => {
    using scope = scratchStore();
    const script = `mount -t tmpfs -o size=3m tmpfs ${scope.store.root}/tmp && exec ${process.execPath} ${join(import.meta.dir, "ingest-child.ts")} ${scope.store.root} large; `;
    const { stdout, exitCode } = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script]);
    expect(exitCode).toBe(3);
    expect(stdout.toString()).toMatch(/^cannot write to [^\n]*: no space left on device\n\[\]\n$/);
  });
});

test("a lease keeps its folder from the sweep while it lives", async () => {
  using scope = scratchStore();
  const { sweepTemporary, leasedDigests } = await import("../../src/storage/lease.ts");
  const lease = takeLease(scope.store, ["sha256:x"]);
  writeFileSync(join(lease.folder, "work"), "x");
  sweepTemporary(scope.store);
  expect(existsSync(join(lease.folder, "work"))).toBe(true);
  expect([...leasedDigests(scope.store)]).toEqual(["sha256:x"]);
  expect(statSync(lease.folder).mode & 0o777).toBe(0o700);
  lease[Symbol.dispose]();
  expect(existsSync(lease.folder)).toBe(false);
});
