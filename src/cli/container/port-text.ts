/** PORTS of `ps` (docker/cli cli/command/formatter, DisplayablePorts): neighbours are drawn together, `80-81/tcp, 53/udp`. */
import type { Port } from "../../engine/containers/ports.ts";

/** `ports` in the order of protocol and number. */
export function portText(ports: readonly Port[]): string {
  const ranges: { first: number; last: number; protocol: string }[] = [];
  for (const { number, protocol } of ports) {
    const range = ranges.at(-1);
    if (range?.protocol === protocol && number <= range.last + 1) range.last = number;
    else ranges.push({ first: number, last: number, protocol });
  }
  return ranges.map(({ first, last, protocol }) => `${first}${last > first ? `-${last}` : ""}/${protocol}`).join(", ");
}
