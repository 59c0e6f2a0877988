/**
 * linux.netDevices: interfaces of the host that move into the container's network namespace, with their permanent global addresses,
 * and are switched on there (config-linux.md, "Network Devices"). The kernel takes addresses away with the move.
 */
import { SysError } from "../../../ffi/errno.ts";
import { type Fd, O_RDONLY, open } from "../../../ffi/fd.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "../../../ffi/netlink.ts";
import { attributeText, Messages, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, readAttributes } from "../../../ffi/netlink-message.ts";
import { inNetworkNamespace, ownNetworkNamespace } from "../../../ffi/netns.ts";
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { inUserNamespace } from "./user.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const IFLA_IFNAME = 3;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const SKIP_STATS = 8;
const IFF_UP = 1;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const PERMANENT = 0x80;
/** NODAD, HOMEADDRESS, MANAGETEMPADDR, NOPREFIXROUTE: what an administrator sets, besides what the kernel tells. */
const KEPT_FLAGS = 0x02 | 0x10 | 0x100 | 0x200;
const SCOPE_UNIVERSE = 0;

/** A namespace, and a socket in it. */
interface Side {
  namespace: Fd;
  socket: NetlinkSocket;
}

interface Link {
  index: number;
  name: string;
}

/** struct ifaddrmsg and the attributes that are the user's own. */
interface Address {
  family: number;
  prefix: number;
  attributes: [type: number, value: Uint8Array][];
}

const linkHead = (messages: Messages, index: number, flags = 0, change = 0): Messages =>
  messages.u8(0).u8(0).u16(0).u32(index).u32(flags).u32(change);

function listLinks({ socket }: Side): Link[] {
  const messages = new Messages().begin({ step: "list interfaces", type: RTM_GETLINK, flags: NLM_F_DUMP, ack: false });
  linkHead(messages, 0).attrU32(IFLA_EXT_MASK, SKIP_STATS);
  return socket
    .ask(messages)
    .map(({ body }) => ({ index: body.readInt32LE(4), name: attributeText(readAttributes(body, 16).get(IFLA_IFNAME)) }));
}

function listAddresses({ socket }: Side, link: number): Address[] {
  const messages = new Messages().begin({ step: "list addresses", type: RTM_GETADDR, flags: NLM_F_DUMP, ack: false });
  messages.u8(0).u8(0).u8(0).u8(0).u32(link);
  return socket.ask(messages).flatMap(({ body }): Address[] => {
    const found = readAttributes(body, 8);
    const flags = found.get(IFA_FLAGS)?.readUInt32LE(0) ?? (body[2] as number);
    if (body.readUInt32LE(4) !== link || body[3] !== SCOPE_UNIVERSE || !(flags & PERMANENT)) return [];
    const attributes = [IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST].flatMap((type): Address["attributes"] => {
      const value = found.get(type);
      return value ? [[type, value]] : [];
    });
    attributes.push([IFA_FLAGS, new Uint8Array(new Uint32Array([flags & KEPT_FLAGS]).buffer)]);
    return [{ family: body[0] as number, prefix: body[1] as number, attributes }];
  });
}

/** Takes the interface down, as no other may be renamed, and moves it. Returns its index in the other namespace. */
function move(from: Side, to: Side, { index, name }: Link, newName: string): number {
  const before = listLinks(to);
  if (before.some((link) => link.name === newName))
    throw new HoyError(`cannot move the interface ${name}: the container's network namespace has one named ${newName}`, { status: 409 });
  const messages = new Messages().begin({ step: `take the interface ${name} down`, type: RTM_NEWLINK });
  linkHead(messages, index, 0, IFF_UP);
  messages.begin({ step: `move the interface ${name} into the container`, type: RTM_NEWLINK });
  linkHead(messages, index).attrString(IFLA_IFNAME, newName).attrU32(IFLA_NET_NS_FD, to.namespace.number);
  from.socket.send(messages);
  const known = new Set(before.map((link) => link.index));
  const moved = listLinks(to).find((link) => !known.has(link.index));
  if (!moved) throw new SysError(`find the interface ${newName} in the container`, 19);
  return moved.index;
}

function restore({ socket }: Side, index: number, name: string, addresses: readonly Address[]): void {
  const messages = new Messages();
  for (const { family, prefix, attributes } of addresses) {
    messages.begin({ step: `give the interface ${name} its address`, type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL });
    messages.u8(family).u8(prefix).u8(0).u8(SCOPE_UNIVERSE).u32(index);
    for (const [type, value] of attributes) messages.attr(type, value);
  }
  messages.begin({ step: `switch the interface ${name} on`, type: RTM_NEWLINK });
  linkHead(messages, index, IFF_UP, IFF_UP);
  socket.send(messages);
}

function sideOf(namespace: Fd, inside: boolean): Side {
  const make = (): NetlinkSocket => new NetlinkSocket(NETLINK_ROUTE);
  return { namespace, socket: inside ? inNetworkNamespace(namespace.number, make) : make() };
}

export interface MovedDevices {
  /** Gives them back, for a container that comes to nothing. */
  undo(): void;
  close(): void;
}

/** Moves all of them. Throws HoyError, and SysError; what has moved by then is back. */
export function moveNetDevices(spec: Spec, pid: number): MovedDevices | undefined {
  const devices = Object.entries(spec.linux?.netDevices ?? {});
  if (devices.length === 0) return undefined;
  if (!spec.linux?.namespaces?.some(({ type }) => type === "network"))
    throw new HoyError("linux.netDevices need a network namespace of the container's own", { status: 400 });
  if (inUserNamespace()) throw new HoyError("linux.netDevices need root: the interfaces are the host's", { status: 400 });
  const host = sideOf(ownNetworkNamespace(), false);
  const container = sideOf(open(`/proc/${pid}/ns/net`, O_RDONLY), true);
  const back: (() => void)[] = [];
  const close = (): void => {
    for (const { namespace, socket } of [host, container]) {
      socket.close();
      namespace.close();
    }
  };
  const undo = (): void => {
    for (const step of back.toReversed()) step();
    close();
  };
  try {
    for (const [name, { name: newName }] of devices) {
      const link = listLinks(host).find((each) => each.name === name);
      if (!link) throw new HoyError(`linux.netDevices: the host has no interface ${name}`, { status: 404 });
      const addresses = listAddresses(host, link.index);
      const index = move(host, container, link, newName || name);
      back.push(() => restore(host, move(container, host, { index, name }, name), name, addresses));
      restore(container, index, newName || name, addresses);
    }
  } catch (error) {
    undo();
    throw error;
  }
  return { undo, close };
}
