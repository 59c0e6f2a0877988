/**
 * Settings files, with the keys and shapes of Docker's daemon.json (docs.docker.com, "dockerd, daemon configuration file").
 * Keys of dockerd that hoy has no use for are unknown here, and so an error: none is read and ignored.
 */
import * as v from "valibot";
import { ipVersion } from "./address.ts";

const bytes = v.pipe(
  v.union([v.pipe(v.number(), v.integer(), v.minValue(1)), v.string()]),
  v.check((value) => typeof value === "number" || /^\d+(\.\d+)?\s?([kmgtp]i?)?b?$/i.test(value), "is not a size such as 64m"),
);

const registryUrl = v.pipe(
  v.string(),
  v.regex(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/, "is not a registry's address such as https://mirror.example.com"),
);

/** Version and prefix length of `10.0.0.0/8`; undefined for anything else. */
function cidr(text: string): { version: number; prefix: number } | undefined {
  const [address = "", prefix = "", ...more] = text.split("/");
  const version = ipVersion(address);
  const isBlock = version !== 0 && more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
  return isBlock ? { version, prefix: Number(prefix) } : undefined;
}

/** A host with or without port, or a block of addresses. */
const insecureRegistry = v.pipe(
  v.string(),
  v.check((text) => !/^[0-9a-fA-F.:]+\/\d+$/.test(text) || cidr(text) !== undefined, "is not a block of addresses such as 10.0.0.0/8"),
);

const address = v.pipe(
  v.string(),
  v.check((text) => ipVersion(text) !== 0, "is not an IP address"),
);

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const pool = v.pipe(
  v.strictObject({
    /** CIDR out of which networks are cut. */
    base: v.pipe(
      v.string(),
      v.check((text) => cidr(text) !== undefined, "is not a block of addresses such as 10.0.0.0/8"),
    ),
    /** Prefix length of each network. */
    size: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(128)),
  }),
  v.check(({ base, size }) => size >= (cidr(base)?.prefix ?? 0), "the size is a prefix length, and so not smaller than the base's"),
);

const ulimit = v.strictObject({
  Name: v.optional(v.string()),
  Soft: v.pipe(v.number(), v.integer()),
  Hard: v.pipe(v.number(), v.integer()),
});

export const settingsSchema = v.strictObject({
  "registry-mirrors": v.optional(v.array(registryUrl)),
  "insecure-registries": v.optional(v.array(insecureRegistry)),
  "max-concurrent-downloads": v.optional(positive),
  /** Seconds without a byte from a registry after which a transfer is broken off, `30s` by default. Not one of Docker's. */
  "registry-timeout": v.optional(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?(ms|s|m)$/, "is not a duration such as 30s"))),
  "log-driver": v.optional(v.string()),
  "log-opts": v.optional(v.record(v.string(), v.string())),
  "default-ulimits": v.optional(v.record(v.string(), ulimit)),
  "default-shm-size": v.optional(bytes),
  dns: v.optional(v.array(address)),
  "dns-search": v.optional(v.array(v.string())),
  "dns-opts": v.optional(v.array(v.string())),
  /** Address and prefix of the default bridge. */
  bip: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => cidr(text)?.version === 4, "is not an address with its prefix length, such as 10.99.0.1/24"),
    ),
  ),
  "default-address-pools": v.optional(v.array(pool)),
  init: v.optional(v.boolean()),
  /** Other OCI runtimes by the names that --runtime takes. */
  runtimes: v.optional(
    v.record(v.string(), v.strictObject({ path: v.pipe(v.string(), v.nonEmpty()), runtimeArgs: v.optional(v.array(v.string())) })),
  ),
  "default-runtime": v.optional(v.string()),
  /** Where CDI specifications lie; a later folder's devices win. */
  "cdi-spec-dirs": v.optional(v.array(v.pipe(v.string(), v.startsWith("/")))),
  /** Containers get SELinux labels, where the kernel has SELinux and a policy. */
  "selinux-enabled": v.optional(v.boolean()),
});

export type Settings = v.InferOutput<typeof settingsSchema>;
