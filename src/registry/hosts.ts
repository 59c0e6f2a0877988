/** Which addresses serve a registry, and how each host is trusted. */
import { lookup } from "node:dns/promises";
import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import { DOCKER_HUB } from "../spec/reference.ts";
import type { Settings } from "../state/settings.ts";

/** A base address of a registry's API, in the order in which they are tried. */
export interface Endpoint {
  /** `https://registry-1.docker.io`, without a slash at the end. For an insecure host plain HTTP is tried, too. */
  readonly url: string;
  /** Whose account is shown to it: a mirror of Docker Hub never gets Docker Hub's password. */
  readonly domain: string;
  readonly mirror: boolean;
}

export function endpointsOf(domain: string, settings: Settings): Endpoint[] {
  if (domain !== DOCKER_HUB) return [{ url: `https://${domain}`, domain, mirror: false }];
  const mirrors = (settings["registry-mirrors"] ?? []).map((mirror) => {
    const url = mirror.replace(/\/+$/, "");
    return { url, domain: new URL(url).host, mirror: true };
  });
  return [...mirrors, { url: "https://registry-1.docker.io", domain: DOCKER_HUB, mirror: false }];
}

/** How a host is trusted: fetch's `tls` options. */
export interface Trust {
  /** Its certificate is not checked, and it may speak plain HTTP. */
  readonly insecure: boolean;
  /** In place of the public authorities that Bun brings. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  /** The machine's authorities are in `ca`. */
  readonly system?: true;
}

type Cidr = ReturnType<typeof ipaddr.parseCIDR>;
const LOOPBACK: readonly Cidr[] = [ipaddr.parseCIDR("127.0.0.0/8"), ipaddr.parseCIDR("::1/128")];

const inside = (address: string, blocks: readonly Cidr[]): boolean => {
  const parsed = ipaddr.process(address);
  return blocks.some((block) => block[0].kind() === parsed.kind() && parsed.match(block));
};

/** Docker's rule: loopback, a host that is listed (with its port), and one whose address is in a listed block. */
export async function isInsecure(url: URL, settings: Settings): Promise<boolean> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const listed = settings["insecure-registries"] ?? [];
  if (name === "localhost" || listed.includes(url.host) || listed.includes(`${name}:${url.port || "443"}`) || listed.includes(name))
    return true;
  const blocks = listed.filter((entry) => ipaddr.isValidCIDR(entry)).map((entry) => ipaddr.parseCIDR(entry));
  if (isIP(name)) return inside(name, [...LOOPBACK, ...blocks]);
  if (blocks.length === 0) return false;
  try {
    return (await lookup(name, { all: true })).some(({ address }) => inside(address, blocks));
  } catch {
    // An unknown host is the request's error to report; behind a proxy the name need not be known here at all.
    return false;
  }
}

const CERTIFICATE_FOLDERS = ["/etc/hoy/certs.d", "/etc/docker/certs.d"];

/** Reads Docker's `certs.d/<host[:port]>`: `*.crt` are authorities, `*.cert` with `*.key` of the same name the client's own. */
function certificatesOf(host: string): Omit<Trust, "insecure"> {
  for (const parent of CERTIFICATE_FOLDERS) {
    const folder = join(parent, host);
    const names = listing(folder);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    const ca = names.filter((name) => name.endsWith(".crt")).map(read);
    const client = names.find((name) => name.endsWith(".cert") && names.includes(name.replace(/cert$/, "key")));
    if (ca.length || client)
      return { ...(ca.length && { ca }), ...(client && { cert: read(client), key: read(client.replace(/cert$/, "key")) }) };
  }
  return {};
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // No folder for this host is the usual case.
    return [];
  }
}

export async function trustOf(url: URL, settings: Settings): Promise<Trust> {
  return { insecure: await isInsecure(url, settings), ...certificatesOf(url.host) };
}

const SYSTEM_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/**
 * The machine's own certificate authorities (SSL_CERT_FILE first, as for Go's programs), or undefined. Bun brings the public ones;
 * a company's own is only here.
 */
function systemAuthorities(): string | undefined {
  for (const file of [process.env.SSL_CERT_FILE, ...SYSTEM_BUNDLES]) {
    try {
      if (file) return readFileSync(file, "utf8");
    } catch {
      // The next distribution's path.
    }
  }
  return undefined;
}

/**
 * The same trust with the machine's authorities, as a second try: they are many, and few hosts need them. Docker adds those of
 * `certs.d` to them; where the machine has none, Bun's stand in. Undefined when there is nothing to add.
 */
export async function withSystem(trust: Trust): Promise<Trust | undefined> {
  if (trust.system) return undefined;
  const own = trust.ca ?? [];
  const authorities = systemAuthorities() ?? (own.length > 0 ? (await import("node:tls")).rootCertificates.join("\n") : undefined);
  return authorities === undefined ? undefined : { ...trust, ca: [...own, authorities], system: true };
}
