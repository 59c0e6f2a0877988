/**
 * A store's firewall: one table, planned from its bridge networks alone, so that anybody may write it again at any time.
 *
 * Outbound connections leave with the host's address (masquerade). Into a bridge comes what belongs to such a connection, and what
 * its own containers send to each other; everything else is dropped: other bridges, of this store or not, and the host's neighbours
 * (what Docker 28 does for ports that are not published). The host's own connections are not forwarded and reach every container.
 *
 * A chain can only forbid, never overrule: a packet that another table drops stays dropped. On a host whose forward chain drops by
 * default (dockerd sets that for iptables, firewalld for zones), its rules have to let the bridge through; hoy does not edit them.
 */

import type { Subnet } from "./ipv4.ts";
import { deleteTable, replaceTable, type Statement, type Table, tableIsThere } from "./nftables.ts";

export interface FirewalledBridge {
  readonly interface: string;
  readonly subnet: Subnet;
}

const PRIORITY_FILTER = 0;
const PRIORITY_SOURCE_NAT = 100;

const from = (name: string): Statement => ({ kind: "interface", direction: "in", name });
const to = (name: string): Statement => ({ kind: "interface", direction: "out", name });

const forwardRules = ({ interface: name }: FirewalledBridge): Statement[][] => [
  [to(name), { kind: "established" }, { kind: "accept" }],
  [from(name), to(name), { kind: "accept" }],
  [to(name), { kind: "drop" }],
];

const natRule = ({ interface: name, subnet }: FirewalledBridge): Statement[] => [
  { kind: "source", subnet },
  { kind: "interface", direction: "out", name, not: true },
  { kind: "masquerade" },
];

/** The table of a store. Pure. */
export function planFirewall(name: string, bridges: readonly FirewalledBridge[]): Table {
  const sorted = bridges.toSorted((a, b) => (a.interface < b.interface ? -1 : 1));
  return {
    name,
    chains: [
      { name: "forward", type: "filter", hook: "forward", priority: PRIORITY_FILTER, rules: sorted.flatMap(forwardRules) },
      { name: "postrouting", type: "nat", hook: "postrouting", priority: PRIORITY_SOURCE_NAT, rules: sorted.map(natRule) },
    ],
  };
}

/** Whether the rules are in force as planned (0.1 ms). */
export const firewallStands = (name: string, bridges: readonly FirewalledBridge[]): boolean => tableIsThere(planFirewall(name, bridges));

/** Puts the rules in force. Throws HoyError when the kernel lacks nf_tables. */
export const raiseFirewall = (name: string, bridges: readonly FirewalledBridge[]): void => replaceTable(planFirewall(name, bridges));

export const removeFirewall = (name: string): void => deleteTable(name);
