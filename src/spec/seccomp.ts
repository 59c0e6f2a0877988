/** Docker's seccomp profile, the file of `--security-opt seccomp=FILE` (moby/profiles, seccomp/seccomp.go). */
import * as v from "valibot";
import { parseDocument } from "./json.ts";
import { SeccompActionSchema, SeccompArgSchema, SeccompSchema } from "./runtime.ts";
import { validate } from "./validate.ts";

const strings = v.array(v.string());

/** All that is given must hold: one of `arches` (`amd64`, `arm64` …), every one of `caps`, the kernel at least `minKernel`. */
export const ProfileConditionSchema = v.object({
  caps: v.optional(strings),
  arches: v.optional(strings),
  minKernel: v.optional(v.pipe(v.string(), v.regex(/^\d+\.\d+$/, "must be a kernel version, as 4.8"))),
});

export const ProfileRuleSchema = v.pipe(
  v.object({
    name: v.optional(v.string()),
    names: v.optional(strings),
    action: SeccompActionSchema,
    errnoRet: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff))),
    args: v.optional(v.array(SeccompArgSchema)),
    includes: v.optional(ProfileConditionSchema),
    excludes: v.optional(ProfileConditionSchema),
  }),
  v.check((rule) => !rule.name || !rule.names?.length, "'name' and 'names' are both given, use one of them"),
  v.check((rule) => !!rule.name || !!rule.names?.length, "'names' is missing"),
);

export const SeccompProfileSchema = v.pipe(
  v.object({
    defaultAction: SeccompActionSchema,
    defaultErrnoRet: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff))),
    architectures: v.optional(strings),
    archMap: v.optional(v.array(v.object({ architecture: v.string(), subArchitectures: v.optional(strings) }))),
    flags: SeccompSchema.entries.flags,
    listenerPath: v.optional(v.string()),
    listenerMetadata: v.optional(v.string()),
    syscalls: v.optional(v.array(ProfileRuleSchema)),
  }),
  v.check(
    (profile) => !profile.architectures?.length || !profile.archMap?.length,
    "'architectures' and 'archMap' are both given, use one of them",
  ),
);

export type ProfileCondition = v.InferOutput<typeof ProfileConditionSchema>;
export type SeccompProfile = v.InferOutput<typeof SeccompProfileSchema>;

/** The profile in the text of a file; throws a HoyError that names the member: `seccomp profile: syscalls[3].action: …`. */
export const parseSeccompProfile = (text: string, what = "seccomp profile"): SeccompProfile =>
  validate(SeccompProfileSchema, parseDocument(text, what), what);
