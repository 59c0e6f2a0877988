/**
 * Bun's fetch goes through HTTP_PROXY and HTTPS_PROXY by itself, but reads only names in NO_PROXY: not the CIDR blocks that Docker
 * (golang.org/x/net/http/httpproxy) takes, and it sends loopback addresses to the proxy. What must be reached directly is therefore
 * added to NO_PROXY of this process.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

const variable = (name: string): string => process.env[name.toUpperCase()] || process.env[name.toLowerCase()] || "";

/** True when `url` must not go through a proxy, by Go's rules for NO_PROXY. */
export function isDirect(url: URL, noProxy = variable("NO_PROXY")): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (host === "localhost" || (isIP(host) && ipaddr.process(host).range() === "loopback")) return true;
  return noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/") && ipaddr.isValidCIDR(entry)) {
    const block = ipaddr.parseCIDR(entry);
    const address = isIP(host) ? ipaddr.process(host) : undefined;
    return address !== undefined && address.kind() === block[0].kind() && address.match(block);
  }
  const [, name = entry, wanted] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  const bare = name.replace(/^\[|\]$/g, "");
  if (isIP(bare)) return bare === host;
  if (bare.startsWith("*.")) return host.endsWith(bare.slice(1));
  return bare.startsWith(".") ? host.endsWith(bare) : host === bare || host.endsWith(`.${bare}`);
}

/** Tells fetch to reach `url` without a proxy if it should. */
export function exemptFromProxy(url: URL): void {
  if (!variable(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") || !isDirect(url)) return;
  const exempt = variable("NO_PROXY");
  if (exempt.split(",").includes(url.hostname)) return;
  const extended = exempt ? `${exempt},${url.hostname}` : url.hostname;
  process.env.NO_PROXY = extended;
  process.env.no_proxy = extended;
}
