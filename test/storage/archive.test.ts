import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { HoyError } from "../../src/spec/error.ts";
import type { Store } from "../../src/state/store.ts";
import { loadImages } from "../../src/storage/archive/load.ts";
import { type SaveRequest, saveImages } from "../../src/storage/archive/save.ts";
import { blobPath } from "../../src/storage/content.ts";
import { listImages, tagsOf } from "../../src/storage/images.ts";
import { blobsOfDiff, imageLayers, layerFolder, layerPaths } from "../../src/storage/layers.ts";
import { packLayer } from "../../src/storage/pack.ts";
import { buildImage, dockerArchive, sha256, type TestImage, writeOciLayout } from "../harness/images.ts";
import { requires } from "../harness/requires.ts";
import { type TarEntry, tar } from "../harness/tar.ts";
import { addImage, smallImage } from "./images.ts";
import { chunked, listing, scratch, scratchStore, unpackInto } from "./scratch.ts";

const TAG = "docker.io/library/app:1";

async function save(store: Store, ...requests: SaveRequest[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of saveImages(store, requests)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** An OCI layout as a tar. */
function layoutTar(images: TestImage | TestImage[], tag: string): Uint8Array {
  using dir = scratch();
  writeOciLayout(dir.path, images, tag);
  const files = ["oci-layout", "index.json", ...readdirSync(join(dir.path, "blobs/sha256")).map((name) => `blobs/sha256/${name}`)];
  return tar(files.map((name) => ({ name: `./${name}`, data: readFileSync(join(dir.path, name)) })));
}

const failureOf = async (store: Store, bytes: Uint8Array): Promise<HoyError> => {
  const error = await loadImages(store, chunked(bytes, 5000)).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(HoyError);
  expect(error.message).not.toContain("\n");
  expect(readdirSync(join(store.root, "tmp"))).toEqual([]);
  return error;
};

describe("load", () => {
  const image = smallImage("x");
  const { config } = buildImage(image);
  const archives: [string, Uint8Array, string[]][] = [
    ["a docker archive", dockerArchive(image, "app:1", "user/app:2"), ["docker.io/library/app:1", "docker.io/user/app:2"]],
    ["packed with gzip", gzipSync(dockerArchive(image, "app:1")), [TAG]],
    ["packed with zstd", zstdCompressSync(dockerArchive(image, "app:1")), [TAG]],
    ["without a tag", dockerArchive(image), []],
    ["an OCI layout", layoutTar(image, "app:1"), [TAG]],
    ["an OCI layout whose name is a tag alone", layoutTar(image, "latest"), []],
    ["an OCI layout for several platforms", layoutTar([{ ...smallImage("s"), architecture: "s390x" }, image], "app:1"), [TAG]],
  ];
  for (const [title, bytes, references] of archives) {
    test(title, async () => {
      using scope = scratchStore();
      const { store } = scope;
      const loaded = await loadImages(store, chunked(bytes, 3333));
      expect(loaded.map((one) => [one.image.id, one.references])).toEqual([[config.digest, references]]);
      expect(tagsOf(store, config.digest)).toEqual(references);
      expect(readFileSync(join(layerPaths(store, config.digest).folders[0] as string, "own"), "utf8")).toBe("x");
      expect(readdirSync(join(store.root, "tmp"))).toEqual([]);
      for (const { diffId } of imageLayers(store, config.digest))
        expect(blobsOfDiff(store, diffId).every(({ digest }) => existsSync(blobPath(store, digest)))).toBe(true);
    });
  }

  test("layers that are links to other layers, as old docker wrote them", async () => {
    using scope = scratchStore();
    const layer = tar([{ name: "f", data: "x" }]);
    const settings = JSON.stringify({
      os: "linux",
      architecture: "amd64",
      rootfs: { type: "layers", diff_ids: [sha256(layer), sha256(layer)] },
    });
    const manifest = JSON.stringify([{ Config: "c.json", RepoTags: null, Layers: ["b/layer.tar", "a/layer.tar"] }]);
    const bytes = tar([
      { name: "b/layer.tar", type: "2", link: "../a/layer.tar" },
      { name: "manifest.json", data: manifest },
      { name: "c.json", data: settings },
      { name: "a/layer.tar", data: layer },
    ]);
    const [loaded] = await loadImages(scope.store, chunked(bytes));
    expect(loaded?.image.id).toBe(sha256(settings));
    expect(imageLayers(scope.store, sha256(settings)).length).toBe(2);
  });

  const broken: [string, Uint8Array, string][] = [
    ["no archive", Buffer.alloc(2048, "words "), "this is no image archive: corrupt archive"],
    ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]), "image archive: xz is not supported"],
    ["bzip2", Buffer.from("BZh91AY&SY"), "image archive: bzip2 is not supported"],
    [
      "an archive of something else",
      tar([{ name: "etc/passwd", data: "x" }]),
      "this is no image archive: it has neither manifest.json nor index.json",
    ],
    ["cut off", dockerArchive(image, "app:1").subarray(0, 5000), "the archive is cut off"],
    ["a manifest that is no JSON", tar([{ name: "manifest.json", data: "[{" }]), "manifest.json of the image archive"],
    [
      "a manifest of another form",
      tar([{ name: "manifest.json", data: '[{"Config":1}]' }]),
      "manifest.json of the image archive: [0].Config: expected string",
    ],
    [
      "a config that is not there",
      tar([{ name: "manifest.json", data: '[{"Config":"../../etc/passwd","Layers":[]}]' }]),
      '"../../etc/passwd" is missing',
    ],
    [
      "CVE-2014-9357: a layer that is a link to a host's file",
      tar([
        { name: "manifest.json", data: '[{"Config":"c","Layers":["l"]}]' },
        { name: "c", data: JSON.stringify({ rootfs: { type: "layers", diff_ids: [sha256("")] } }) },
        { name: "l", type: "2", link: "/etc/passwd" },
      ]),
      'layer "l" is missing',
    ],
    [
      "a config that is a link in a circle",
      tar([
        { name: "manifest.json", data: '[{"Config":"a","Layers":[]}]' },
        { name: "a", type: "2", link: "b" },
        { name: "b", type: "2", link: "a" },
      ]),
      '"a" is missing',
    ],
    [
      "a layer unlike its diff id",
      tar([
        { name: "manifest.json", data: '[{"Config":"c","Layers":["l"]}]' },
        { name: "c", data: JSON.stringify({ rootfs: { type: "layers", diff_ids: [sha256("")] } }) },
        { name: "l", data: tar([{ name: "f", data: "x" }]) },
      ]),
      "its content has the digest",
    ],
    ["a document of 9 MiB", tar([{ name: "manifest.json", data: new Uint8Array(9 << 20) }]), "too large"],
    [
      "a sparse member",
      tar([{ name: "manifest.json", data: "1", pax: { "GNU.sparse.map": "0,1", "GNU.sparse.size": "9007199254740991" } }]),
      "is a sparse file",
    ],
    ["a tag that is no reference", dockerArchive(image, "UPPER:1"), "must be lowercase"],
    ["a blob unlike its digest", tamperedLayout(), "has the digest"],
    [
      "an index without blobs",
      tar([
        {
          name: "index.json",
          data: JSON.stringify({
            schemaVersion: 2,
            manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: sha256("x"), size: 1 }],
          }),
        },
      ]),
      "is missing",
    ],
  ];
  for (const [title, bytes, message] of broken) {
    test(title, async () => {
      using scope = scratchStore();
      expect((await failureOf(scope.store, bytes)).message).toContain(message);
    });
  }

  function tamperedLayout(): Uint8Array {
    const built = buildImage(image);
    const index = {
      schemaVersion: 2,
      manifests: [{ mediaType: built.manifest.mediaType, digest: built.manifest.digest, size: built.manifest.data.length }],
    };
    const blobs = [built.manifest, built.config, ...built.layers].map(
      ({ digest, data }): TarEntry => ({
        name: `blobs/sha256/${digest.slice(7)}`,
        data: digest === built.manifest.digest ? Buffer.concat([data, Buffer.from(" ")]) : data,
      }),
    );
    return tar([{ name: "index.json", data: JSON.stringify(index) }, ...blobs]);
  }
});

describe("save", () => {
  test("what is saved is loaded again, several images and tags in one archive, shared layers once", async () => {
    using scope = scratchStore();
    const [a, b] = [await addImage(scope.store, smallImage("a")), await addImage(scope.store, smallImage("b"))];
    const bytes = await save(scope.store, { image: a, references: [TAG, "localhost:5000/x/y:2"] }, { image: b, references: [] });
    using other = scratchStore();
    const loaded = await loadImages(other.store, chunked(bytes));
    expect(loaded.map(({ image, references }) => [image.id, references])).toEqual([
      [a.id, [TAG, "localhost:5000/x/y:2"]],
      [b.id, []],
    ]);
    expect(bytes.toString("latin1").split("blobs/sha256/").length).toBeGreaterThan(8);
    expect(readdirSync(join(scope.store.root, "tmp"))).toEqual([]);
  });

  test("a layer whose blob is gone is packed anew, with its whiteouts", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, {
      layers: [
        [{ name: "d/" }, { name: "d/gone", data: "x" }],
        [{ name: "d/" }, { name: "d/.wh.gone" }, { name: "d/new", data: "y", mtime: 1700000000.5 }],
      ],
    });
    const top = imageLayers(store, image.id)[1];
    for (const { digest } of blobsOfDiff(store, top?.diffId as string)) rmSync(blobPath(store, digest));
    using other = scratchStore();
    const [loaded] = await loadImages(other.store, chunked(await save(store, { image, references: [TAG] })));
    const folder = layerPaths(other.store, loaded?.image.id as string).folders[0] as string;
    expect(listing(folder)).toEqual(["d d", "c d/gone", "f d/new"]);
    expect(listImages(other.store).length).toBe(1);
  });

  for (const compression of ["gzip", "zstd", "none"] as const) {
    requires("skopeo")(`skopeo reads it as a docker archive and as an OCI archive, layers packed with ${compression}`, async () => {
      using scope = scratchStore();
      using dir = scratch();
      const image = await addImage(scope.store, { ...smallImage("x"), compression });
      const path = join(dir.path, "a.tar");
      writeFileSync(path, await save(scope.store, { image, references: [TAG] }));
      for (const kind of ["docker-archive", "oci-archive"]) {
        const out = join(dir.path, kind);
        const { stderr, exitCode } = Bun.spawnSync(["skopeo", "--insecure-policy", "copy", "-q", `${kind}:${path}`, `oci:${out}:x`]);
        expect([exitCode, stderr.toString()]).toEqual([0, ""]);
        const index = JSON.parse(readFileSync(join(out, "index.json"), "utf8"));
        const manifest = JSON.parse(readFileSync(join(out, "blobs/sha256", index.manifests[0].digest.slice(7)), "utf8"));
        const diffIds = JSON.parse(readFileSync(join(out, "blobs/sha256", manifest.config.digest.slice(7)), "utf8")).rootfs.diff_ids;
        expect(diffIds).toEqual(imageLayers(scope.store, image.id).map(({ diffId }) => diffId));
        if (kind === "oci-archive") expect(manifest.config.digest).toBe(image.id);
      }
    });
  }

  for (const kind of ["docker-archive", "oci-archive"]) {
    requires("skopeo")(`an archive that skopeo wrote is loaded: ${kind}`, async () => {
      using scope = scratchStore();
      using dir = scratch();
      writeOciLayout(join(dir.path, "layout"), smallImage("x"));
      const path = join(dir.path, "a.tar");
      const { stderr } = Bun.spawnSync([
        "skopeo",
        "--insecure-policy",
        "copy",
        "-q",
        `oci:${dir.path}/layout:latest`,
        `${kind}:${path}:docker.io/library/app:1`,
      ]);
      expect(stderr.toString()).toBe("");
      const [loaded] = await loadImages(scope.store, chunked(readFileSync(path)));
      expect(loaded?.references).toEqual([TAG]);
      expect(
        readFileSync(
          join(layerFolder(scope.store, imageLayers(scope.store, loaded?.image.id as string)[1]?.chainId as string), "own"),
          "utf8",
        ),
      ).toBe("x");
    });
  }
});

describe("pack", () => {
  test("a layer packed and unpacked is the same layer", async () => {
    using dir = scratch();
    const root = process.getuid?.() === 0;
    await unpackInto(dir.path, "a", [
      { name: "d/", mode: 0o750, mtime: 1600000000.25 },
      { name: "d/f", data: "content", mode: 0o640, mtime: 1700000000.125, pax: { "SCHILY.xattr.user.note": "n" } },
      { name: "d/link", type: "2", link: "f" },
      { name: "h", type: "1", link: "d/f" },
      { name: "pipe", type: "6" },
      { name: ".wh.gone" },
      { name: "o/.wh..wh..opq" },
      { name: "o/x", data: "" },
      { name: "n".repeat(200), data: "long" },
    ]);
    const parts: Uint8Array[] = [];
    for await (const part of packLayer(join(dir.path, "a"), { rootless: !root })) parts.push(Buffer.from(part));
    await unpackInto(dir.path, "b", new Uint8Array(Buffer.concat(parts)));
    const look = (name: string): string =>
      Bun.spawnSync(
        [
          "sh",
          "-c",
          'find . -mindepth 1 ! -name gone -printf "%P %y %m %U %G %s %l %n %T@\\n" | sort; getfattr -Rd -m - . 2>/dev/null | sort',
        ],
        { cwd: join(dir.path, name) },
      ).stdout.toString();
    // A whiteout has no time of its own.
    expect(look("b")).toBe(look("a"));
    expect(listing(join(dir.path, "b"))).toEqual(listing(join(dir.path, "a")));
    expect(look("a")).toContain("d/f f 640");
  });

  requires("tar")("GNU tar reads it", async () => {
    using dir = scratch();
    mkdirSync(join(dir.path, "l/sub"), { recursive: true });
    writeFileSync(join(dir.path, "l/sub/f"), "x".repeat(3_000_000));
    const parts: Uint8Array[] = [];
    for await (const part of packLayer(join(dir.path, "l"), { rootless: false })) parts.push(Buffer.from(part));
    const { stdout, stderr } = Bun.spawnSync(["tar", "-tf", "-"], { stdin: Buffer.concat(parts) });
    expect([stdout.toString(), stderr.toString()]).toEqual(["sub/\nsub/f\n", ""]);
  });
});
