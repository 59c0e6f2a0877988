/** The part of ~/.docker/config.json that is about registries. Other programs keep other keys there: all are kept. */
import * as v from "valibot";

const account = v.looseObject({
  /** base64 of `user:password` */
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  /** An OAuth2 refresh token, used in place of a password. */
  identitytoken: v.optional(v.string()),
});

export const dockerConfigSchema = v.looseObject({
  auths: v.optional(v.record(v.string(), account)),
  /** Registry host → name of its helper, the X of `docker-credential-X`. */
  credHelpers: v.optional(v.record(v.string(), v.string())),
  /** Helper for all other registries. */
  credsStore: v.optional(v.string()),
});

export type DockerConfig = v.InferOutput<typeof dockerConfigSchema>;

/** What `docker-credential-X get` prints and `store` reads (github.com/docker/docker-credential-helpers). */
export const helperAnswerSchema = v.looseObject({ Username: v.string(), Secret: v.string() });
