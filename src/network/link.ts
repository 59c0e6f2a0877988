/** Network interfaces over rtnetlink (rtnetlink(7), linux/if_link.h): messages for a batch, and questions. */

import { isErrno } from "../../ffi/at.ts";
import { ENODEV } from "../../ffi/errno.ts";
import type { NetlinkSocket } from "../../ffi/netlink.ts";
import { attributeText, Messages, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, readAttributes } from "../../ffi/netlink-message.ts";
import { macBytes } from "./ipv4.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const AF_UNSPEC = 0;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
/** RTEXT_FILTER_SKIP_STATS: the counters are most of an answer. */
const SKIP_STATS = 8;

const IFF_UP = 1;
/** The loopback interface has this index in every network namespace. */
export const LOOPBACK = 1;

/** An interface as RTM_GETLINK shows it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth` …; empty for hardware. */
  readonly kind: string;
  readonly up: boolean;
  /** `02:42:ac:11:00:01`. */
  readonly mac: string;
  /** Index of the bridge that it is a port of, or 0. */
  readonly master: number;
}

/** struct ifinfomsg. */
const linkHead = (messages: Messages, index = 0, flags = 0, change = 0): Messages =>
  messages.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(change);

/** A bridge, still down. Its hardware address is fixed, or it would change with its ports (and with udev's wishes). */
export function addBridge(messages: Messages, { name, mac }: { name: string; mac: string }): void {
  messages.begin({ step: `add bridge ${name}`, type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL });
  linkHead(messages)
    .attrString(IFLA_IFNAME, name)
    .attr(IFLA_ADDRESS, macBytes(mac))
    .nest(IFLA_LINKINFO, () => messages.attrString(IFLA_INFO_KIND, "bridge"));
}

export interface VethPair {
  /** Name on this side. */
  name: string;
  /** Index of the bridge that this side becomes a port of. */
  master: number;
  peer: {
    name: string;
    mac: string;
    /** Descriptor of the network namespace in which the other side is made. */
    namespace: number;
  };
}

/** A pair of connected interfaces, both down; the peer is made inside its namespace and is never seen here. */
export function addVeth(messages: Messages, { name, master, peer }: VethPair): void {
  messages.begin({ step: `add interface ${name}`, type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL });
  linkHead(messages).attrString(IFLA_IFNAME, name).attrU32(IFLA_MASTER, master);
  messages.nest(IFLA_LINKINFO, () =>
    messages
      .attrString(IFLA_INFO_KIND, "veth")
      .nest(IFLA_INFO_DATA, () =>
        messages.nest(VETH_INFO_PEER, () =>
          linkHead(messages)
            .attrString(IFLA_IFNAME, peer.name)
            .attr(IFLA_ADDRESS, macBytes(peer.mac))
            .attrU32(IFLA_NET_NS_FD, peer.namespace),
        ),
      ),
  );
}

/** Switches an interface on: by its index, or by its name. */
export function setUp(messages: Messages, link: number | string): void {
  messages.begin({ step: `set ${typeof link === "string" ? link : `interface ${link}`} up`, type: RTM_NEWLINK });
  linkHead(messages, typeof link === "number" ? link : 0, IFF_UP, IFF_UP);
  if (typeof link === "string") messages.attrString(IFLA_IFNAME, link);
}

/** Removes an interface; that it is gone already is no error. */
export function deleteLink(messages: Messages, name: string): void {
  messages.begin({ step: `delete interface ${name}`, type: RTM_DELLINK, ignore: [ENODEV] });
  linkHead(messages).attrString(IFLA_IFNAME, name);
}

/** The interface of that name, undefined when there is none. Throws SysError. */
export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  const messages = new Messages().begin({ step: `look for interface ${name}`, type: RTM_GETLINK });
  linkHead(messages).attrU32(IFLA_EXT_MASK, SKIP_STATS).attrString(IFLA_IFNAME, name);
  try {
    return socket.ask(messages).map(({ body }) => readLink(body))[0];
  } catch (error) {
    if (isErrno(error, ENODEV)) return undefined;
    throw error;
  }
}

/** All interfaces of the socket's namespace. Throws SysError. */
export function listLinks(socket: NetlinkSocket): Link[] {
  const messages = new Messages().begin({ step: "list interfaces", type: RTM_GETLINK, flags: NLM_F_DUMP, ack: false });
  linkHead(messages).attrU32(IFLA_EXT_MASK, SKIP_STATS);
  return socket.ask(messages).map(({ body }) => readLink(body));
}

function readLink(body: Buffer): Link {
  const attributes = readAttributes(body, 16);
  const info = attributes.get(IFLA_LINKINFO);
  return {
    index: body.readInt32LE(4),
    name: attributeText(attributes.get(IFLA_IFNAME)),
    kind: attributeText(info && readAttributes(info).get(IFLA_INFO_KIND)),
    up: (body.readUInt32LE(8) & IFF_UP) !== 0,
    mac:
      attributes
        .get(IFLA_ADDRESS)
        ?.toString("hex")
        .replace(/..(?!$)/g, "$&:") ?? "",
    master: attributes.get(IFLA_MASTER)?.readUInt32LE(0) ?? 0,
  };
}
