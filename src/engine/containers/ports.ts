/** The ports that a running container offers in its network: those of the image's EXPOSE (hoy publishes none yet). */
import type { ContainerRow } from "./row.ts";
import { type ContainerState, isUp } from "./state.ts";

export interface Port {
  number: number;
  /** tcp, udp or sctp. */
  protocol: string;
}

/** Without the container's own network, and while it does not run, there are none. In the order of protocol and number. */
export function openPorts(
  { options: { config, hostConfig } }: Pick<ContainerRow, "options">,
  { status }: Pick<ContainerState, "status">,
): Port[] {
  if (!isUp(status) || hostConfig.NetworkMode === "host" || hostConfig.NetworkMode === "none") return [];
  return Object.keys(config.ExposedPorts ?? {})
    .flatMap(parsePorts)
    .sort((a, b) => (a.protocol === b.protocol ? a.number - b.number : a.protocol < b.protocol ? -1 : 1));
}

/** `80/tcp`, `80` and `8000-8010/udp`; what an image has there besides is no port. */
export function parsePorts(text: string): Port[] {
  const [, first = "", last = first, protocol = "tcp"] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || to < from || to > 65535) return [];
  return Array.from({ length: to - from + 1 }, (_, index) => ({ number: from + index, protocol: protocol.toLowerCase() }));
}

export const portName = ({ number, protocol }: Port): string => `${number}/${protocol}`;
