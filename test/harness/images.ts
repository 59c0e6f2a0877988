/**
 * Test images, made without network: layers are given as tar entries, and written as an OCI image layout (a folder, or a tar of
 * it) or as a Docker archive. busybox comes from the host's static one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TarEntry, tar } from "./tar.ts";

/** The `config` object of an image, as in the OCI image specification. */
export interface ImageSettings {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  ExposedPorts?: Record<string, object>;
  StopSignal?: string;
}

export interface TestImage {
  /** Lowest layer first. */
  readonly layers: readonly (readonly TarEntry[])[];
  readonly config?: ImageSettings;
  /** As in `GOARCH`; this machine's by default. */
  readonly architecture?: string;
  readonly compression?: "gzip" | "zstd" | "none";
}

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";
const TYPE = "application/vnd.oci.image";
const SUFFIX = { gzip: "+gzip", zstd: "+zstd", none: "" } as const;

export const sha256 = (data: Uint8Array | string): string => `sha256:${new Bun.CryptoHasher("sha256").update(data).digest("hex")}`;

const blob = (mediaType: string, data: Uint8Array<ArrayBuffer>): Blob => ({ mediaType, digest: sha256(data), data });
const json = (mediaType: string, value: unknown): Blob => blob(mediaType, new TextEncoder().encode(JSON.stringify(value)));
const describeBlob = ({ mediaType, digest, data }: Blob) => ({ mediaType, digest, size: data.length });

function compress(data: Uint8Array<ArrayBuffer>, how: keyof typeof SUFFIX): Uint8Array<ArrayBuffer> {
  if (how === "none") return data;
  return how === "gzip" ? Bun.gzipSync(data, { level: 1 }) : new Uint8Array(Bun.zstdCompressSync(data));
}

export interface BuiltImage {
  readonly manifest: Blob;
  /** Its digest is the image's ID. */
  readonly config: Blob;
  readonly layers: readonly Blob[];
  /** The uncompressed layers. */
  readonly tars: readonly Uint8Array<ArrayBuffer>[];
}

/** Manifest, config and layers of an image, in memory. */
export function buildImage({ layers, config = {}, architecture = ARCHITECTURE, compression = "gzip" }: TestImage): BuiltImage {
  const tars = layers.map((entries) => tar(entries));
  const blobs = tars.map((data) => blob(`${TYPE}.layer.v1.tar${SUFFIX[compression]}`, compress(data, compression)));
  const settings = json(`${TYPE}.config.v1+json`, {
    architecture,
    os: "linux",
    created: "2024-01-02T03:04:05Z",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], ...config },
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
    history: tars.map((_, index) => ({ created: "2024-01-02T03:04:05Z", created_by: `test layer ${index + 1}` })),
  });
  const manifest = json(`${TYPE}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config: describeBlob(settings),
    layers: blobs.map(describeBlob),
  });
  return { manifest, config: settings, layers: blobs, tars };
}

/** Writes an OCI image layout into `dir`, with several images as an index by platform. Returns the digest that the tag names. */
export function writeOciLayout(dir: string, images: TestImage | readonly TestImage[], tag = "latest"): string {
  const all = (Array.isArray(images) ? images : [images]) as readonly TestImage[];
  const built = all.map(buildImage);
  const blobs = built.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
  let top = describeBlob(built[0]!.manifest);
  if (built.length > 1) {
    const index = json(`${TYPE}.index.v1+json`, {
      schemaVersion: 2,
      mediaType: `${TYPE}.index.v1+json`,
      manifests: built.map(({ manifest }, at) => ({
        ...describeBlob(manifest),
        platform: { architecture: all[at]!.architecture ?? ARCHITECTURE, os: "linux" },
      })),
    });
    blobs.push(index);
    top = describeBlob(index);
  }
  mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
  for (const { digest, data } of blobs) writeFileSync(join(dir, "blobs/sha256", digest.slice("sha256:".length)), data);
  writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(dir, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...top, annotations: { "org.opencontainers.image.ref.name": tag } }] }),
  );
  return top.digest;
}

/** The bytes of a Docker archive (`docker save`), with these tags. The layers in it are uncompressed. */
export function dockerArchive(image: TestImage, ...tags: string[]): Uint8Array<ArrayBuffer> {
  const { config, tars } = buildImage(image);
  const names = tars.map((data) => `${sha256(data).slice(7)}/layer.tar`);
  const configName = `${config.digest.slice(7)}.json`;
  return tar([
    ...[...new Map(names.map((name, index) => [name, tars[index]!]))].map(([name, data]) => ({ name, data })),
    { name: configName, data: config.data },
    { name: "manifest.json", data: JSON.stringify([{ Config: configName, RepoTags: tags, Layers: names }]) },
  ]);
}

const file = (name: string, data: string, mode = 0o644): TarEntry => ({ name, data, mode });

/** The host's static busybox; `requires("busybox")` says whether there is one. */
export const busyboxPath = (): string => ["/usr/bin/busybox", "/bin/busybox"].find(existsSync) ?? "busybox";

/** The names that this busybox answers to. */
const applets = (): string[] => {
  const { stdout } = Bun.spawnSync([busyboxPath(), "--list"]);
  return stdout
    .toString()
    .split("\n")
    .filter((name) => name !== "" && name !== "busybox");
};

/** A root file system: busybox with its usual names, users root, alice (1000, groups 1000 and 2000) and nobody. */
export const busyboxLayer = (): TarEntry[] => [
  ...["bin/", "dev/", "etc/", "home/", "proc/", "root/", "sys/", "usr/", "usr/bin/", "var/"].map((name) => ({ name })),
  { name: "tmp/", mode: 0o1777 },
  { name: "home/alice/", uid: 1000, gid: 1000 },
  { name: "bin/busybox", data: new Uint8Array(readFileSync(busyboxPath())), mode: 0o755 },
  ...applets().map((name): TarEntry => ({ name: `bin/${name}`, type: "2", link: "busybox", mode: 0o777 })),
  file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"),
  file("etc/group", "root:x:0:\nalice:x:1000:\nstaff:x:2000:alice\nnogroup:x:65534:\n"),
];

/** `busybox`: one layer, command `sh`. */
export const busyboxImage = (config: ImageSettings = {}): TestImage => ({ layers: [busyboxLayer()], config: { Cmd: ["sh"], ...config } });

/**
 * Three layers with what layers can do to one another: a file removed and one replaced, a folder made opaque, hard links within a
 * layer, extended attributes, a device, set-uid, a link in place of a folder. What should come out is `LAYERED_RESULT`.
 */
export const layeredImage = (): TestImage => ({
  layers: [
    [
      ...busyboxLayer(),
      { name: "data/" },
      file("data/kept", "1"),
      file("data/removed", "1"),
      file("data/replaced", "1"),
      { name: "opaque/" },
      file("opaque/hidden", "1"),
      { name: "folder/" },
      file("folder/inside", "1"),
    ],
    [
      file("data/.wh.removed", ""),
      file("data/replaced", "2"),
      { name: "opaque/" },
      file("opaque/.wh..wh..opq", ""),
      file("opaque/shown", "2"),
      file(".wh.folder", ""),
      { name: "folder", type: "2", link: "data" },
      file("data/first", "linked"),
      { name: "data/second", type: "1", link: "data/first" },
    ],
    [
      { ...file("data/noted", "3"), pax: { "SCHILY.xattr.user.note": "a note", mtime: "1700000000.123456789" } },
      { ...file("data/setuid", "3", 0o4755), uid: 1000, gid: 2000 },
      { name: "data/fifo", type: "6", mode: 0o600 },
      { name: "data/third", type: "1", link: "data/first" },
    ],
  ],
  config: { Cmd: ["sh"] },
});

/** What `ls` and `cat` show of `layeredImage`. */
export const LAYERED_RESULT = {
  data: ["fifo", "first", "kept", "noted", "replaced", "second", "setuid", "third"],
  opaque: ["shown"],
  replaced: "2",
} as const;
