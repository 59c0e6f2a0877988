/**
 * The documents of images: OCI image-spec 1.1 (index, manifest, config, oci-layout) and Docker's own (schema 2 manifests with
 * the same members, `manifest.json` of `docker save`). Members that hoy has no use for are kept where documents are passed on.
 */
import * as v from "valibot";

const text = v.string();
const texts = v.array(text);
const optional = <T extends v.GenericSchema>(schema: T) => v.optional(schema);
const strings = v.record(text, text);

/** A digest that hoy can check. */
export const digestSchema = v.pipe(text, v.regex(/^sha256:[0-9a-f]{64}$/, "is no sha256 digest"));
const byteCount = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const platformSchema = v.looseObject({
  architecture: v.optional(text, ""),
  os: v.optional(text, ""),
  variant: optional(text),
  "os.version": optional(text),
  "os.features": optional(texts),
});

export const descriptorSchema = v.looseObject({
  mediaType: text,
  digest: digestSchema,
  size: byteCount,
  urls: optional(texts),
  annotations: optional(strings),
  platform: optional(platformSchema),
  artifactType: optional(text),
});

/** application/vnd.oci.image.index.v1+json, Docker's manifest list, and index.json of a layout. */
export const indexSchema = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: optional(text),
  manifests: v.array(descriptorSchema),
  annotations: optional(strings),
});

/** application/vnd.oci.image.manifest.v1+json and Docker's schema 2. */
export const manifestSchema = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: optional(text),
  config: descriptorSchema,
  layers: v.array(descriptorSchema),
  annotations: optional(strings),
});

const healthcheckSchema = v.looseObject({
  Test: optional(texts),
  Interval: optional(v.number()),
  Timeout: optional(v.number()),
  StartPeriod: optional(v.number()),
  StartInterval: optional(v.number()),
  Retries: optional(v.number()),
});

const emptyObjects = v.record(text, v.looseObject({}));

/** What a container of the image starts with; Docker's additions to OCI included. */
export const containerConfigSchema = v.looseObject({
  User: optional(text),
  Env: optional(texts),
  Entrypoint: optional(
    v.union([
      texts,
      v.pipe(
        text,
        v.transform((word) => [word]),
      ),
    ]),
  ),
  Cmd: optional(
    v.union([
      texts,
      v.pipe(
        text,
        v.transform((word) => [word]),
      ),
    ]),
  ),
  WorkingDir: optional(text),
  Volumes: optional(emptyObjects),
  ExposedPorts: optional(emptyObjects),
  Labels: optional(strings),
  StopSignal: optional(text),
  StopTimeout: optional(v.number()),
  Healthcheck: optional(healthcheckSchema),
  Shell: optional(texts),
  OnBuild: optional(texts),
  ArgsEscaped: optional(v.boolean()),
});

export const historySchema = v.looseObject({
  created: optional(text),
  created_by: optional(text),
  author: optional(text),
  comment: optional(text),
  empty_layer: optional(v.boolean()),
});

/** application/vnd.oci.image.config.v1+json, and Docker's container image. */
export const imageConfigSchema = v.looseObject({
  created: optional(text),
  author: optional(text),
  architecture: v.optional(text, ""),
  os: v.optional(text, ""),
  variant: optional(text),
  "os.version": optional(text),
  config: optional(containerConfigSchema),
  rootfs: v.looseObject({ type: v.literal("layers"), diff_ids: v.array(digestSchema) }),
  history: optional(v.array(historySchema)),
});

/** `manifest.json` of a `docker save` archive: paths of members. */
export const dockerArchiveSchema = v.array(v.looseObject({ Config: text, RepoTags: optional(texts), Layers: v.optional(texts, []) }));

export type Descriptor = v.InferOutput<typeof descriptorSchema>;
export type ImageIndex = v.InferOutput<typeof indexSchema>;
export type ImageManifest = v.InferOutput<typeof manifestSchema>;
export type ImageConfig = v.InferOutput<typeof imageConfigSchema>;
