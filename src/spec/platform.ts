/**
 * Platforms as `--platform` writes them (`linux/arm64/v8`) and as an image index lists them, with the rules of
 * github.com/containerd/platforms: other names of an architecture, default variants, and what else a processor runs.
 */
import { HoyError } from "./error.ts";

export interface PlatformName {
  readonly os: string;
  readonly architecture: string;
  /** "" for the architecture's default. */
  readonly variant: string;
}

const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  i386: ["386"],
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};

const KNOWN_SYSTEMS = new Set(["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "plan9", "android", "aix", "wasi"]);
const KNOWN_ARCHITECTURES = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x sparc64 wasm".split(" "),
);
/** The variant that no variant means; it is written as none. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8", arm: "v7" };

/** The same platform by its one name: lower case, amd64 for x86_64, no variant where it is the default one. */
export function normalisePlatform({ os, architecture, variant }: PlatformName): PlatformName {
  const system = os.toLowerCase() === "macos" ? "darwin" : os.toLowerCase();
  const lower = architecture.toLowerCase();
  const [name, implied = ""] = ARCHITECTURES[lower] ?? [lower];
  const lowerVariant = variant.toLowerCase();
  const given = (lowerVariant >= "0" && lowerVariant < ":" ? `v${lowerVariant}` : lowerVariant) || implied;
  return { os: system, architecture: name, variant: given === DEFAULT_VARIANTS[name] ? "" : given };
}

/** The platform of this machine's kernel. */
export function hostPlatform(): PlatformName {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  return { os: "linux", architecture, variant: "" };
}

const invalid = (text: string, why: string): HoyError =>
  new HoyError(`invalid platform ${JSON.stringify(text)}: ${why}`, {
    status: 400,
    hint: "write os/architecture[/variant], as linux/arm64/v8",
  });

/** Reads `linux/arm64/v8`, `linux/amd64`, `arm64` or `linux`. Throws HoyError. */
export function parsePlatform(text: string): PlatformName {
  const parts = text.split("/");
  if (parts.length > 3) throw invalid(text, "more than three parts");
  for (const part of parts) if (!/^[A-Za-z0-9_.-]+$/.test(part)) throw invalid(text, `${JSON.stringify(part)} is no name`);
  const [first = "", second, third = ""] = parts;
  if (second !== undefined) return normalisePlatform({ os: first, architecture: second, variant: third });
  const host = hostPlatform();
  const alone = normalisePlatform({ os: host.os, architecture: first, variant: "" });
  if (KNOWN_ARCHITECTURES.has(alone.architecture)) return alone;
  const system = normalisePlatform({ ...host, os: first });
  if (KNOWN_SYSTEMS.has(system.os)) return system;
  throw invalid(text, "unknown operating system or architecture");
}

/** `linux/arm/v6` */
export const formatPlatform = ({ os, architecture, variant }: PlatformName): string =>
  [os, architecture, variant].filter((part) => part !== "").join("/");

/** `v7` → [v7, v6, v5]: an older variant's code runs, too. */
const down = (architecture: string, from: string, to: number): [string, string][] =>
  Array.from({ length: Math.max(0, Number(from.slice(1)) - to + 1) }, (_, index) => [architecture, `v${Number(from.slice(1)) - index}`]);

/** The architectures and variants whose code this platform runs, the best first. */
function runs({ architecture, variant }: PlatformName): readonly (readonly [architecture: string, variant: string])[] {
  const own = variant || DEFAULT_VARIANTS[architecture] || "";
  const numbered = /^v\d+$/.test(own);
  if (architecture === "amd64" && numbered) return [...down("amd64", own, 1), ["386", ""]];
  if (architecture === "arm" && numbered) return down("arm", own, 5);
  if (architecture === "arm64" && numbered) return [...down("arm64", own, 8), ...down("arm", "v8", 5)];
  return [[architecture, own]];
}

/** True for an image whose code `host` does not run: another system or architecture. One that names neither is not judged. */
export function foreignTo(image: PlatformName, host: PlatformName): boolean {
  if (image.os === "" || image.architecture === "") return false;
  // hostPlatform() does not tell the variant, so the image's own is left aside too
  const sameKind = normalisePlatform({ ...image, variant: "" });
  if (sameKind.os === host.os && sameKind.architecture === host.architecture) return false;
  return platformRank(image, host) === undefined;
}

/** How well code of `offered` fits `wanted`: 0 is best, undefined does not run. */
export function platformRank(offered: PlatformName, wanted: PlatformName): number | undefined {
  const { os, architecture, variant } = normalisePlatform(offered);
  const target = normalisePlatform(wanted);
  if (os !== target.os) return undefined;
  const name = variant || DEFAULT_VARIANTS[architecture] || "";
  const rank = runs(target).findIndex(([a, v]) => a === architecture && v === name);
  return rank < 0 ? undefined : rank;
}
