/** Pulling through a proxy that spoils what the real registry answers. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { imageLayers, layerFolder } from "../../src/storage/layers.ts";
import { type FaultProxy, type SeenRequest, type Spoil, startFaultProxy } from "../harness/fault-proxy.ts";
import { buildImage, sha256 } from "../harness/images.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { available, requires } from "../harness/requires.ts";
import { NOTHING, noiseImage, publish, type Scene, scene } from "./scene.ts";

const needs = requires("root", "docker-registry", "skopeo");
const SIZE = 1 << 20;
const IMAGE = noiseImage(SIZE);
const BUILT = buildImage(IMAGE);
const LAYER = BUILT.layers[0]!;
const LAYER_PATH = `/v2/noise/blobs/${LAYER.digest}`;

const isLayer = ({ path }: SeenRequest): boolean => path === LAYER_PATH;
const ranges = (proxy: FaultProxy): (string | undefined)[] => proxy.seen.filter(isLayer).map(({ headers }) => headers.range);

describe("a registry with faults", () => {
  let registry: Registry;
  beforeAll(async () => {
    if (!available("root", "docker-registry", "skopeo")) return;
    registry = await startRegistry();
    await publish(registry, "noise:1", IMAGE);
  });
  afterAll(async () => registry?.[Symbol.asyncDispose]());

  const through = (spoil: (request: SeenRequest) => Spoil | undefined): Promise<FaultProxy> => startFaultProxy(registry.address, spoil);

  async function pullWhole(at: Scene, proxy: FaultProxy): Promise<void> {
    const { image } = await at.pull(`${proxy.address}/noise:1`);
    const [layer] = imageLayers(at.store, image.id);
    expect(readFileSync(join(layerFolder(at.store, layer?.chainId ?? ""), "noise")).equals(Buffer.from(IMAGE.layers[0]![0]!.data!))).toBe(
      true,
    );
    expect(at.remains().tmp).toEqual([]);
  }

  async function pullFails(at: Scene, proxy: FaultProxy, words: string | RegExp): Promise<void> {
    const error = await at.pull(`${proxy.address}/noise:1`).then(
      () => new Error("the pull succeeded"),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(words);
    expect(error.name).toBe("HoyError");
    expect(error.message).not.toContain("\n");
    expect(at.remains()).toEqual(NOTHING);
  }

  needs("a connection that breaks is taken up again where it broke", async () => {
    using at = scene();
    await using proxy = await through((request) => (isLayer(request) && request.earlier < 3 ? { cut: 200_000 } : undefined));
    await pullWhole(at, proxy);
    expect(ranges(proxy)).toEqual([undefined, "bytes=200000-", "bytes=400000-", "bytes=600000-"]);
  });

  needs("a registry that knows no ranges sends it all again", async () => {
    using at = scene();
    await using proxy = await through((request) =>
      isLayer(request) ? { ignoreRange: true, ...(request.earlier < 2 && { cut: 300_000 }) } : undefined,
    );
    await expect(at.pull(`${proxy.address}/noise:1`)).resolves.toHaveProperty("upToDate", false);
    expect(ranges(proxy)).toEqual([undefined, "bytes=300000-", "bytes=300000-"]);
  });

  needs("a registry that falls silent in mid-layer is asked again", async () => {
    using at = scene();
    await using proxy = await through((request) => (isLayer(request) && request.earlier === 0 ? { stall: 500_000 } : undefined));
    await pullWhole(at, proxy);
    expect(ranges(proxy)).toEqual([undefined, "bytes=500000-"]);
  });

  needs("one that stays silent is an error in bounded time, and nothing is left", async () => {
    using at = scene();
    await using proxy = await through((request) => (isLayer(request) ? { stall: request.earlier === 0 ? 100_000 : 0 } : undefined));
    const started = performance.now();
    await pullFails(at, proxy, /blob sha256:[0-9a-f]{12} from registry .*: nothing came for 0.5 seconds, after 100000 of \d+ bytes/);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  needs("one that sends a byte at a time does not go on for ever", async () => {
    using at = scene();
    await using proxy = await through((request) => (isLayer(request) ? { cut: 1 } : undefined));
    await pullFails(at, proxy, /after 5 of \d+ bytes/);
  });

  needs("one that answers nothing at all", async () => {
    using at = scene();
    await using proxy = await through(() => ({ stall: 0, answer: { status: 200, body: "x" } }));
    await pullFails(at, proxy, /^cannot reach registry .*: nothing came for 0.5 seconds$/);
  });

  needs("wrong bytes", async () => {
    using at = scene();
    await using proxy = await through((request) => (isLayer(request) ? { flip: 600_000 } : undefined));
    await pullFails(at, proxy, new RegExp(`^layer ${LAYER.digest} from registry ${proxy.address}: wrong content, its digest is `));
  });

  needs("wrong bytes of the config", async () => {
    using at = scene();
    await using proxy = await through(({ path }) => (path.endsWith(BUILT.config.digest) ? { flip: 5 } : undefined));
    await pullFails(at, proxy, /^image config sha256:[0-9a-f]{12}: wrong content/);
  });

  needs("wrong bytes of the manifest", async () => {
    using at = scene();
    await using proxy = await through(({ path }) => (path.includes("/manifests/") ? { flip: 40 } : undefined));
    await pullFails(at, proxy, /^manifest verification failed for digest sha256:/);
  });

  needs("a layer of another length than its manifest says", async () => {
    using at = scene();
    await using short = await through((request) => (isLayer(request) ? { length: 4096, cut: 4096 } : undefined));
    await pullFails(at, short, new RegExp(`it has 4096 bytes, its manifest says ${LAYER.data.length}`));
  });

  needs("more bytes than the manifest says", async () => {
    using at = scene();
    await using proxy = await through((request) => (isLayer(request) ? { extra: 100 } : undefined));
    await pullFails(at, proxy, new RegExp(`more than the ${LAYER.data.length} bytes that its manifest says`));
  });

  needs("a manifest that breaks off is asked for again", async () => {
    using at = scene();
    await using proxy = await through(({ path, earlier }) => (path.includes("/manifests/") && earlier < 2 ? { cut: 50 } : undefined));
    await pullWhole(at, proxy);
  });

  needs("a part that was not asked for", async () => {
    using at = scene();
    const answer = { status: 206, headers: { "Content-Range": "bytes 0-/*" }, body: "x" };
    await using proxy = await through((request) => (isLayer(request) ? { answer } : undefined));
    await pullFails(at, proxy, /asked for the bytes from 0 of/);
  });

  needs("the wrong part of a layer", async () => {
    using at = scene();
    await using proxy = await through((request) => {
      if (!isLayer(request)) return undefined;
      return request.earlier === 0
        ? { cut: 100_000 }
        : { headers: { "content-range": `bytes 5-${LAYER.data.length - 1}/${LAYER.data.length}` } };
    });
    await pullFails(at, proxy, /asked for the bytes from 100000 of \d+ on, got "bytes 5-/);
  });

  needs("busy for a moment", async () => {
    using at = scene();
    await using proxy = await through(({ path, earlier }) => {
      if (earlier > 1) return undefined;
      if (path.includes("/manifests/")) return { answer: { status: 429, headers: { "Retry-After": "0" } } };
      return path.includes("/blobs/") ? { answer: { status: 503 } } : undefined;
    });
    await pullWhole(at, proxy);
  });

  needs("busy for an hour", async () => {
    using at = scene();
    await using proxy = await through(() => ({
      answer: {
        status: 429,
        headers: { "Retry-After": "3600" },
        body: JSON.stringify({ errors: [{ code: "TOOMANYREQUESTS", message: "You have reached your\npull rate limit" }] }),
      },
    }));
    await pullFails(at, proxy, /^toomanyrequests: You have reached your pull rate limit$/);
  });

  needs("out of order", async () => {
    using at = scene();
    await using proxy = await through(() => ({ answer: { status: 500, body: "<html>" } }));
    await pullFails(at, proxy, /^cannot pull .*noise:1: the registry answers with status 500$/);
    expect(proxy.seen.length).toBe(5);
  });

  needs("redirects without end, and to nowhere", async () => {
    using at = scene();
    await using proxy = await through(({ path }) => ({ answer: { status: 302, headers: { Location: path } } }));
    await pullFails(at, proxy, /redirects without end/);
    expect(proxy.seen.length).toBeLessThan(20);
    await using odd = await through(() => ({ answer: { status: 302, headers: { Location: "file:///etc/passwd" } } }));
    await pullFails(at, odd, /redirects to "file:/);
  });

  const TYPE = "application/vnd.oci.image.manifest.v1+json";
  const good = JSON.parse(new TextDecoder().decode(BUILT.manifest.data));
  const [layer] = good.layers;
  const HOSTILE: [title: string, body: string | object, words: RegExp, type?: string][] = [
    ["null", "null", /./],
    ["an array", "[]", /./],
    ["a number", "1", /./],
    ["no JSON", "<html>", /is not JSON/],
    ["not UTF-8", "\xff\xfe{", /is not JSON/],
    ["nothing", "", /is not JSON/],
    ["an empty object", {}, /./],
    ["config of null", { ...good, config: null }, /config/],
    ["layers of null", { ...good, layers: null }, /layers/],
    ["a layer of null", { ...good, layers: [null] }, /layers\[0\]/],
    ["a negative size", { ...good, layers: [{ ...layer, size: -1 }] }, /layers\[0\]\.size/],
    ["an absurd size", { ...good, layers: [{ ...layer, size: 1e300 }] }, /layers\[0\]\.size/],
    ["a size in words", { ...good, layers: [{ ...layer, size: "5" }] }, /layers\[0\]\.size/],
    ["a wrong size", { ...good, layers: [{ ...layer, size: layer.size - 1 }] }, /its manifest says/],
    ["a huge config", { ...good, config: { ...good.config, size: 1e12 } }, /config\.size/],
    ["a wrong config size", { ...good, config: { ...good.config, size: 3 } }, /its manifest says/],
    ["a digest that is a path", { ...good, layers: [{ ...layer, digest: "sha256:../../../../etc/passwd" }] }, /layers\[0\]\.digest/],
    ["too few layers", { ...good, layers: [] }, /1 layers, .*manifest.* 0|it has 1 layers, the manifest 0/],
    ["too many layers", { ...good, layers: Array(1001).fill(layer) }, /1001 layers are too many/],
    [
      "something else than an image",
      { ...good, config: { ...good.config, mediaType: "application/vnd.cncf.helm.config.v1+json" } },
      /not a container image/,
    ],
    ["an unknown layer type", { ...good, layers: [{ ...layer, mediaType: "text/html" }] }, /unknown type "text\/html"/],
    [
      "a foreign layer",
      {
        ...good,
        layers: [{ ...layer, mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls: ["http://169.254.169.254/"] }],
      },
      /is to be fetched from elsewhere/,
    ],
    ["schema 1", { schemaVersion: 1, name: "x" }, /schema 1/, "application/vnd.docker.distribution.manifest.v1+prettyjws"],
    ["index and image at once", { ...good, manifests: [] }, /both an index and an image/],
    ["an empty index", { schemaVersion: 2, manifests: [] }, /no matching manifest for/, "application/vnd.oci.image.index.v1+json"],
    ["deep nesting", `${"[".repeat(200_000)}`, /./],
    ["five megabytes", " ".repeat(5 << 20), /more than 4 MiB/],
  ];
  for (const [title, content, words, type = TYPE] of HOSTILE)
    needs(`a hostile manifest: ${title}`, async () => {
      using at = scene();
      const body = typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(JSON.stringify(content));
      const headers = { "Content-Type": type, "Docker-Content-Digest": sha256(body) };
      await using proxy = await through(({ path }) =>
        path.includes("/manifests/") ? { answer: { status: 200, headers, body } } : undefined,
      );
      await pullFails(at, proxy, words);
    });

  needs("an index within itself", async () => {
    using at = scene();
    const entry = { mediaType: "application/vnd.oci.image.index.v1+json", size: 1 };
    const documents = new Map<string, string>();
    let digest = BUILT.manifest.digest;
    for (let depth = 0; depth < 5; depth++) {
      const document = JSON.stringify({ schemaVersion: 2, mediaType: entry.mediaType, manifests: [{ ...entry, digest }] });
      digest = sha256(document);
      documents.set(digest, document);
    }
    await using proxy = await through(({ path }) => {
      const name = path.split("/").at(-1) ?? "";
      const body = documents.get(name === "1" ? digest : name);
      return body ? { answer: { status: 200, headers: { "Content-Type": entry.mediaType }, body } } : undefined;
    });
    await pullFails(at, proxy, /indexes within indexes/);
  });
});
