/** /etc/resolv.conf of a container (resolv.conf(5)), made of the host's as Docker does on its default bridge. */
import { readFileSync } from "../../ffi/fs.ts";

const HOST_FILE = "/etc/resolv.conf";
/** systemd-resolved's list of the real servers, beside the stub that it listens on (systemd-resolved.service(8)). */
const RESOLVED_FILE = "/run/systemd/resolve/resolv.conf";
const STUB = "127.0.0.53";
/** What Docker falls back to. */
const PUBLIC_SERVERS = ["8.8.8.8", "8.8.4.4"];

export interface HostResolvConf {
  readonly path: string;
  readonly text: string;
  /** What /etc/resolv.conf itself says, stub or not. */
  readonly literal: string;
}

export interface ResolvConfRequest {
  host: HostResolvConf;
  /** --dns; empty for the host's servers. */
  servers?: readonly string[] | null;
  /** --dns-search; `.` alone for none, empty for the host's. */
  search?: readonly string[] | null;
  /** --dns-option; empty for the host's. */
  options?: readonly string[] | null;
  /** Servers that come before the host's, when those are used: where pasta or slirp4netns answers. */
  forwarders?: readonly string[];
}

/** Servers, search list and options of a resolv.conf. Of several `search` lines the last counts. */
export function parseResolvConf(text: string): { servers: string[]; search: string[]; options: string[] } {
  const parsed: { servers: string[]; search: string[]; options: string[] } = { servers: [], search: [], options: [] };
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const [key, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (key === "nameserver" && values[0]) parsed.servers.push(values[0]);
    else if (key === "search" || key === "domain") parsed.search = values;
    else if (key === "options") parsed.options.push(...values);
  }
  return parsed;
}

const isLoopback = (server: string): boolean => server.startsWith("127.") || server === "::1" || server.startsWith("::ffff:127.");

/** The file of the host that names its real servers; an empty text when the host has none. */
export function hostResolvConf(read: (path: string) => string | undefined = readText): HostResolvConf {
  const literal = read(HOST_FILE) ?? "";
  const { servers } = parseResolvConf(literal);
  const real = servers.length === 1 && servers[0] === STUB ? read(RESOLVED_FILE) : undefined;
  return real === undefined ? { path: HOST_FILE, text: literal, literal } : { path: RESOLVED_FILE, text: real, literal };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The text for a container with a network namespace of its own and IPv4 alone. The host's loopback servers cannot be reached from
 * there, nor its IPv6 ones; when none is left, Google's public ones stand in, as with Docker.
 */
export function containerResolvConf(request: ResolvConfRequest): string {
  const host = parseResolvConf(request.host.text);
  const asked = request.servers ?? [];
  const reachable = host.servers.filter((server) => !isLoopback(server) && !server.includes(":"));
  const inherited = [...(request.forwarders ?? []), ...reachable];
  const fallback = asked.length === 0 && inherited.length === 0;
  const servers = asked.length > 0 ? asked : fallback ? PUBLIC_SERVERS : inherited;
  const search = (request.search?.length ? request.search : host.search).filter((domain) => domain !== ".");
  const options = request.options?.length ? request.options : host.options;
  return [
    `# Made by hoy from ${request.host.path}.`,
    ...(fallback ? ["# No name server there can be reached from a container: used default nameservers."] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}

/**
 * The text for a container in the host's network: the host's file as it is, unless something is to be different; then, as with
 * Docker, it is made from the one that names the real servers.
 */
export function sharedResolvConf(request: ResolvConfRequest): string {
  if (![request.servers, request.search, request.options].some((list) => list?.length)) return request.host.literal;
  const host = parseResolvConf(request.host.text);
  const own = request.servers?.length ? request.servers : host.servers;
  // Whatever the host reaches, this container reaches: its servers are named as if the user had.
  return containerResolvConf({ ...request, servers: own });
}
