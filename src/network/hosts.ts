/** /etc/hosts of a container (hosts(5)), as Docker writes it. Pure. */
import { HoyError } from "../spec/error.ts";

const STANDARD = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

export interface HostsRequest {
  /** --add-host, as `name:address`; the address may be `host-gateway` or IPv6. */
  extraHosts?: readonly string[] | null;
  /** What `host-gateway` stands for: the host as the container sees it. Undefined where there is no such address. */
  hostGateway?: string | undefined;
}

export interface OwnAddress {
  /** Undefined without a network. */
  address?: string | undefined;
  hostname: string;
  domainname?: string;
}

function extraLines({ extraHosts, hostGateway }: HostsRequest): string[] {
  return (extraHosts ?? []).map((entry) => {
    const colon = entry.indexOf(":");
    const [name, target] = [entry.slice(0, colon), entry.slice(colon + 1)];
    if (target !== "host-gateway") return `${target}\t${name}`;
    if (hostGateway === undefined)
      throw new HoyError(`--add-host ${entry}: the host has no address on this container's network`, {
        hint: "host-gateway needs the default network",
        status: 400,
      });
    return `${hostGateway}\t${name}`;
  });
}

/** The text for a container with a network namespace of its own. Throws HoyError for `host-gateway` where there is none. */
export function containerHosts(request: HostsRequest & OwnAddress): string {
  const { address, hostname, domainname } = request;
  const full = domainname ? `${hostname}.${domainname}` : hostname;
  // the bare name too, however the full one was given (moby libnetwork, updateHostsFile)
  const dot = full.indexOf(".");
  const names = dot < 0 ? full : `${full} ${full.slice(0, dot)}`;
  const own = address === undefined || hostname === "" ? [] : [`${address}\t${names}`];
  return `${[...STANDARD, ...extraLines(request), ...own].join("\n")}\n`;
}

/** The text for a container in the host's network: the host's own file and what is added. */
export function sharedHosts(hostText: string, request: HostsRequest): string {
  const extra = extraLines(request);
  if (extra.length === 0) return hostText;
  const end = hostText === "" || hostText.endsWith("\n") ? "" : "\n";
  return `${hostText}${end}${extra.join("\n")}\n`;
}
