/** IPv4 routes over rtnetlink (rtnetlink(7), linux/rtnetlink.h). */
import type { NetlinkSocket } from "../../ffi/netlink.ts";
import { Messages, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, readAttributes } from "../../ffi/netlink-message.ts";
import { addressBytes, formatAddress, type Subnet } from "./ipv4.ts";

const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const AF_INET = 2;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RTN_UNICAST = 1;
const RTM_F_CLONED = 0x200;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;

export interface Route {
  readonly destination: Subnet;
  /** Index of the interface that it leaves by; 0 for a route through several. */
  readonly link: number;
}

/** struct rtmsg. */
const routeHead = (messages: Messages, head: { prefix: number; table: number; protocol: number; type: number }): Messages =>
  messages.u8(AF_INET).u8(head.prefix).u8(0).u8(0).u8(head.table).u8(head.protocol).u8(RT_SCOPE_UNIVERSE).u8(head.type).u32(0);

/** The route for everything else, through a gateway that an address of an interface already reaches. */
export function addDefaultRoute(messages: Messages, gateway: number): void {
  messages.begin({ step: `add default route through ${formatAddress(gateway)}`, type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL });
  routeHead(messages, { prefix: 0, table: RT_TABLE_MAIN, protocol: RTPROT_BOOT, type: RTN_UNICAST }).attr(
    RTA_GATEWAY,
    addressBytes(gateway),
  );
}

/** The unicast routes of every table, without what is cached. Throws SysError. */
export function listRoutes(socket: NetlinkSocket): Route[] {
  const messages = new Messages().begin({ step: "list routes", type: RTM_GETROUTE, flags: NLM_F_DUMP, ack: false });
  routeHead(messages, { prefix: 0, table: 0, protocol: 0, type: 0 });
  return socket
    .ask(messages)
    .map(({ body }) => ({ body, attributes: readAttributes(body, 12) }))
    .filter(({ body }) => body[0] === AF_INET && body[7] === RTN_UNICAST && !(body.readUInt32LE(8) & RTM_F_CLONED))
    .map(({ body, attributes }) => ({
      destination: { base: attributes.get(RTA_DST)?.readUInt32BE(0) ?? 0, prefix: body[1] ?? 0 },
      link: attributes.get(RTA_OIF)?.readUInt32LE(0) ?? 0,
    }));
}
