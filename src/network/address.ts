/** IPv4 addresses of interfaces over rtnetlink (rtnetlink(7), linux/if_addr.h). */
import { EEXIST } from "../../ffi/errno.ts";
import type { NetlinkSocket } from "../../ffi/netlink.ts";
import { Messages, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, readAttributes } from "../../ffi/netlink-message.ts";
import { addressBytes, broadcastOf, formatAddress, subnetOf } from "./ipv4.ts";

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const AF_INET = 2;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;

export interface InterfaceAddress {
  /** Index of the interface. */
  readonly link: number;
  readonly address: number;
  readonly prefix: number;
}

/** struct ifaddrmsg. */
const addressHead = (messages: Messages, link: number, prefix: number): Messages => messages.u8(AF_INET).u8(prefix).u8(0).u8(0).u32(link);

/** Gives an interface an address with its block's broadcast address; that it has it already is no error. */
export function addAddress(messages: Messages, { link, address, prefix }: InterfaceAddress): void {
  const step = `add address ${formatAddress(address)}/${prefix}`;
  messages.begin({ step, type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, ignore: [EEXIST] });
  addressHead(messages, link, prefix)
    .attr(IFA_LOCAL, addressBytes(address))
    .attr(IFA_ADDRESS, addressBytes(address))
    .attr(IFA_BROADCAST, addressBytes(broadcastOf(subnetOf(address, prefix))));
}

export function deleteAddress(messages: Messages, { link, address, prefix }: InterfaceAddress): void {
  messages.begin({ step: `delete address ${formatAddress(address)}/${prefix}`, type: RTM_DELADDR });
  addressHead(messages, link, prefix).attr(IFA_LOCAL, addressBytes(address));
}

/** The addresses of one interface, or of all. Throws SysError. */
export function listAddresses(socket: NetlinkSocket, link = 0): InterfaceAddress[] {
  const messages = new Messages().begin({ step: "list addresses", type: RTM_GETADDR, flags: NLM_F_DUMP, ack: false });
  addressHead(messages, link, 0);
  return (
    socket
      .ask(messages)
      .map(({ body }) => ({
        link: body.readUInt32LE(4),
        address: readAttributes(body, 8).get(IFA_LOCAL)?.readUInt32BE(0) ?? 0,
        prefix: body[1] ?? 0,
      }))
      // Kernels before 4.20 give those of all interfaces.
      .filter((found) => link === 0 || found.link === link)
  );
}
