/**
 * Settings files, with the keys and shapes of Docker's daemon.json (docs.docker.com, "dockerd, daemon configuration file").
 * Keys of dockerd that hoy has no use for are unknown here, and so an error: none is read and ignored.
 */
import * as v from "valibot";

const bytes = v.pipe(
  v.union([v.pipe(v.number(), v.integer(), v.minValue(1)), v.string()]),
  v.check((value) => typeof value === "number" || /^\d+(\.\d+)?\s?([kmgtp]i?)?b?$/i.test(value), "is not a size such as 64m"),
);

const registryUrl = v.pipe(
  v.string(),
  v.regex(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/, "is not a registry's address such as https://mirror.example.com"),
);

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const pool = v.strictObject({
  /** CIDR out of which networks are cut. */
  base: v.string(),
  /** Prefix length of each network. */
  size: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(128)),
});

const ulimit = v.strictObject({
  Name: v.optional(v.string()),
  Soft: v.pipe(v.number(), v.integer()),
  Hard: v.pipe(v.number(), v.integer()),
});

export const settingsSchema = v.strictObject({
  "registry-mirrors": v.optional(v.array(registryUrl)),
  /** Hosts with or without port, or CIDR blocks. */
  "insecure-registries": v.optional(v.array(v.string())),
  "max-concurrent-downloads": v.optional(positive),
  /** Seconds without a byte from a registry after which a transfer is broken off, `30s` by default. Not one of Docker's. */
  "registry-timeout": v.optional(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?(ms|s|m)$/, "is not a duration such as 30s"))),
  "log-driver": v.optional(v.string()),
  "log-opts": v.optional(v.record(v.string(), v.string())),
  "default-ulimits": v.optional(v.record(v.string(), ulimit)),
  "default-shm-size": v.optional(bytes),
  dns: v.optional(v.array(v.string())),
  "dns-search": v.optional(v.array(v.string())),
  "dns-opts": v.optional(v.array(v.string())),
  /** Address and prefix of the default bridge. */
  bip: v.optional(v.string()),
  "default-address-pools": v.optional(v.array(pool)),
  init: v.optional(v.boolean()),
});

export type Settings = v.InferOutput<typeof settingsSchema>;
