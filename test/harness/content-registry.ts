/** A registry in this process that serves whatever a test gives it: images that no real registry would take. */
import { type Blob, sha256 } from "./images.ts";

export interface ContentRegistry extends Disposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Path and answer: `/v2/x/manifests/1`. */
  readonly content: Map<string, { body: Uint8Array<ArrayBuffer>; type: string }>;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
}

export function startContentRegistry(): ContentRegistry {
  const content: ContentRegistry["content"] = new Map();
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/v2/") return new Response("{}");
      asked.push(`${request.method} ${pathname}`);
      const found = content.get(pathname);
      if (!found) return Response.json({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }, { status: 404 });
      return new Response(found.body, { headers: { "content-type": found.type, "docker-content-digest": sha256(found.body) } });
    },
  });
  return { address: `127.0.0.1:${server.port}`, content, asked, [Symbol.dispose]: () => void server.stop(true) };
}

export interface RawLayer {
  /** As it travels, packed or not. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Digest of the tar that it claims to hold. */
  readonly diffId: string;
}

/** Serves an image of these layers as `NAME:1`, with a config and a manifest that fit. Returns its name with the registry. */
export function serveImage(registry: ContentRegistry, name: string, layers: readonly RawLayer[]): string {
  const put = (kind: string, body: Uint8Array<ArrayBuffer>, type: string): Blob => {
    const blob = { mediaType: type, digest: sha256(body), data: body };
    registry.content.set(`/v2/${name}/${kind === "blobs" ? `blobs/${blob.digest}` : kind}`, { body, type });
    return blob;
  };
  const describe = ({ mediaType, digest, data }: Blob) => ({ mediaType, digest, size: data.length });
  const json = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));
  const type = "application/vnd.oci.image";
  const blobs = layers.map(({ data }) => put("blobs", data, `${type}.layer.v1.tar+gzip`));
  const config = put(
    "blobs",
    json({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    }),
    `${type}.config.v1+json`,
  );
  const manifest = { schemaVersion: 2, mediaType: `${type}.manifest.v1+json`, config: describe(config), layers: blobs.map(describe) };
  put("manifests/1", json(manifest), manifest.mediaType);
  return `${registry.address}/${name}:1`;
}
