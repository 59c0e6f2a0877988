/** Kernel settings of interfaces below /proc/sys/net, of the network namespace that the calling thread is in. */
import { readFileSync, writeFileSync } from "node:fs";
import { HoyError } from "../spec/error.ts";
import { reason } from "../spec/reason.ts";

const IP_FORWARD = "/proc/sys/net/ipv4/ip_forward";

export const forwardingIsOn = (): boolean => readFileSync(IP_FORWARD, "utf8").startsWith("1");

/** Lets the host pass packets on between interfaces, as dockerd does; without it no container reaches out. Throws HoyError. */
export function switchForwardingOn(): void {
  if (forwardingIsOn()) return;
  try {
    writeFileSync(IP_FORWARD, "1");
  } catch (error) {
    throw new HoyError(`cannot switch on net.ipv4.ip_forward: ${reason(error)}`, {
      hint: "sysctl -w net.ipv4.ip_forward=1, or use --network none or --network host",
      cause: error,
    });
  }
}

/**
 * Keeps IPv6 off an interface of an IPv4-only network: else a container could reach its neighbours and the host by link-local
 * addresses, past all rules (CVE-2024-32473), or make itself the router by an advertisement (CVE-2020-13401).
 * Call it while the interface is down. Throws HoyError.
 */
export function forbidIpv6(link: string): void {
  for (const [key, value] of [
    ["accept_ra", "0"],
    ["disable_ipv6", "1"],
  ] as const) {
    try {
      writeFileSync(`/proc/sys/net/ipv6/conf/${link}/${key}`, value);
    } catch (error) {
      // Without the folder the kernel has no IPv6 at all, or none for this interface.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw new HoyError(`cannot switch IPv6 off on ${link}: ${reason(error)}`, {
        hint: "/proc/sys/net must be writable, or use --network none or --network host",
        cause: error,
      });
    }
  }
}
