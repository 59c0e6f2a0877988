/**
 * The Container Device Interface: files that say what a device of a vendor's takes in a container (CNCF CDI specification 1.0,
 * SPEC.md). Members that only later versions have are errors: a device without them would not be what its vendor means.
 */
import * as v from "valibot";
import { HookSchema } from "./runtime.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const deviceNode = v.strictObject({
  path: v.pipe(text, v.startsWith("/")),
  hostPath: v.optional(text),
  type: v.optional(v.picklist(["b", "c", "u", "p", ""])),
  major: v.optional(v.pipe(v.number(), v.integer())),
  minor: v.optional(v.pipe(v.number(), v.integer())),
  fileMode: v.optional(count),
  permissions: v.optional(v.pipe(text, v.regex(/^[rwm]*$/, "is not made of r, w and m"))),
  uid: v.optional(count),
  gid: v.optional(count),
});

const mount = v.strictObject({
  hostPath: v.pipe(text, v.nonEmpty()),
  containerPath: v.pipe(text, v.nonEmpty()),
  options: v.optional(v.array(text)),
  type: v.optional(text),
});

const hook = v.strictObject({
  hookName: v.picklist(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]),
  ...HookSchema.entries,
});

const editsSchema = v.strictObject({
  env: v.optional(v.array(v.pipe(text, v.regex(/^[^=]+=/s, "is not of the form NAME=VALUE")))),
  deviceNodes: v.optional(v.array(deviceNode)),
  hooks: v.optional(v.array(hook)),
  mounts: v.optional(v.array(mount)),
  additionalGids: v.optional(v.array(count)),
});

const annotations = v.optional(v.record(text, text));

export const cdiSpecSchema = v.strictObject({
  cdiVersion: v.pipe(text, v.regex(/^v?(0\.[3-8]|1\.[01])\.\d+$/, "is not a version from 0.3.0 to 1.1.0")),
  /** `vendor.com/class`. */
  kind: v.pipe(text, v.regex(/^[^/=]+\/[^/=]+$/, "is not of the form vendor.com/class")),
  annotations,
  devices: v.pipe(v.array(v.strictObject({ name: v.pipe(text, v.nonEmpty()), annotations, containerEdits: editsSchema })), v.minLength(1)),
  containerEdits: v.optional(editsSchema),
});

export type CdiSpec = v.InferOutput<typeof cdiSpecSchema>;
export type ContainerEdits = v.InferOutput<typeof editsSchema>;
