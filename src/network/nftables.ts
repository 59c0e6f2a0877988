/**
 * nf_tables over netlink (linux/netfilter/nf_tables.h, nf_tables.ko's UAPI; nft(8) names in comments): a table is described as data,
 * replaced whole in one transaction of the kernel, and compared cheaply with what is there.
 */
import { isErrno } from "../../ffi/at.ts";
import { EINVAL, ENOENT, EOPNOTSUPP, type SysError } from "../../ffi/errno.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../../ffi/netlink.ts";
import { attributeText, Messages, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, readAttributes } from "../../ffi/netlink-message.ts";
import { HoyError } from "../spec/error.ts";
import { addressBytes, netmask, type Subnet } from "./ipv4.ts";

/** One condition or action of a rule. Conditions come first; the rule acts when all of them hold. */
export type Statement =
  | { readonly kind: "interface"; readonly direction: "in" | "out"; readonly name: string; readonly not?: boolean }
  | { readonly kind: "source"; readonly subnet: Subnet }
  /** The packet belongs to a connection that was let through before, or is about one. */
  | { readonly kind: "established" }
  | { readonly kind: "accept" }
  | { readonly kind: "drop" }
  /** Source address becomes that of the interface by which the packet leaves. */
  | { readonly kind: "masquerade" };

export interface Chain {
  readonly name: string;
  readonly type: "filter" | "nat";
  readonly hook: "forward" | "postrouting";
  readonly priority: number;
  readonly rules: readonly (readonly Statement[])[];
}

/** A table of family ip: IPv4 only, and unlike inet it has nat on every kernel with nf_tables. */
export interface Table {
  readonly name: string;
  readonly chains: readonly Chain[];
}

const EPROTONOSUPPORT = 93;

const NFPROTO_IPV4 = 2;
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

const message = (number: number): number => (NFNL_SUBSYS_NFTABLES << 8) | number;
const NEWTABLE = message(0);
const DELTABLE = message(2);
const NEWCHAIN = message(3);
const NEWRULE = message(6);
const GETRULE = message(7);

const HOOKS = { forward: 2, postrouting: 4 } as const;

/** struct nfgenmsg. The last field is the subsystem at the ends of a batch. */
const head = (messages: Messages, family = NFPROTO_IPV4, resource = 0): Messages => messages.u8(family).u8(0).u16be(resource);

/** The table's identity, put into the comment of each rule: changes with its content and with this file's way to write it. */
export const fingerprint = (table: Table): string =>
  `hoy ${new Bun.CryptoHasher("sha256")
    .update(JSON.stringify(["1", table]))
    .digest("hex")
    .slice(0, 12)}`;

/**
 * Makes the table what `table` says, whatever it was before, in one step: no packet sees it half-done, and nobody who does the same
 * at that time disturbs. Throws HoyError when the kernel lacks nf_tables or a part of it, SysError otherwise.
 */
export function replaceTable(table: Table): void {
  const comment = fingerprint(table);
  transaction((messages) => {
    // Adding first makes the deletion succeed when there is none.
    addTable(messages, table.name);
    dropTable(messages, table.name);
    addTable(messages, table.name);
    for (const chain of table.chains) addChain(messages, table.name, chain);
    for (const chain of table.chains)
      for (const [index, rule] of chain.rules.entries()) {
        const step = `add rule ${index + 1} of chain ${chain.name} in table ip ${table.name}`;
        messages.begin({ step, type: NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND });
        head(messages).attrString(1, table.name).attrString(2, chain.name);
        messages.nest(4, () => {
          for (const statement of rule) write(messages, statement);
        });
        messages.attr(7, ruleComment(comment));
      }
  });
}

/** Removes the table; that there is none is no error. */
export function deleteTable(name: string): void {
  transaction((messages) => {
    addTable(messages, name);
    dropTable(messages, name);
  });
}

/** True when the table's rules are all there and are the ones that `table` describes: false after `nft flush ruleset`, for instance. */
export function tableIsThere(table: Table): boolean {
  const comment = ruleComment(fingerprint(table));
  const wanted = table.chains.reduce((sum, { rules }) => sum + rules.length, 0);
  const found = tableRules(table.name);
  return found.length === wanted && found.every((userdata) => userdata?.equals(comment));
}

/** User data of each rule in a table of that name. */
function tableRules(name: string): (Buffer | undefined)[] {
  using socket = netfilterSocket();
  const messages = new Messages().begin({ step: `list table ip ${name}`, type: GETRULE, flags: NLM_F_DUMP, ack: false });
  head(messages).attrString(1, name);
  try {
    return (
      socket
        .ask(messages)
        .map(({ body }) => readAttributes(body, 4))
        // Kernels before 4.15 do not filter by table.
        .filter((attributes) => attributeText(attributes.get(1)) === name)
        .map((attributes) => attributes.get(7))
    );
  } catch (error) {
    if (isErrno(error, ENOENT)) return [];
    throw unsupported(error);
  }
}

/** The comment in the layout that nft(8) reads: type 0, length, text with its NUL. */
function ruleComment(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
}

function transaction(fill: (messages: Messages) => void): void {
  const messages = new Messages();
  head(messages.begin({ step: "begin a change of nf_tables", type: NFNL_MSG_BATCH_BEGIN, ack: false }), 0, NFNL_SUBSYS_NFTABLES);
  fill(messages);
  head(messages.begin({ step: "commit the change of nf_tables", type: NFNL_MSG_BATCH_END, ack: false }), 0, NFNL_SUBSYS_NFTABLES);
  using socket = netfilterSocket();
  try {
    socket.send(messages);
  } catch (error) {
    throw unsupported(error);
  }
}

function netfilterSocket(): NetlinkSocket {
  try {
    return new NetlinkSocket(NETLINK_NETFILTER);
  } catch (error) {
    throw unsupported(error);
  }
}

/** A chain type or expression that the kernel lacks is ENOENT; without nf_tables it is EOPNOTSUPP or EINVAL at the batch's begin. */
function unsupported(error: unknown): unknown {
  const lacking =
    isErrno(error, EPROTONOSUPPORT, EOPNOTSUPP, ENOENT) ||
    (isErrno(error, EINVAL) && (error as SysError).step === "begin a change of nf_tables");
  if (!lacking) return error;
  return new HoyError(`the default network needs nf_tables with NAT in the kernel: ${(error as SysError).message}`, {
    hint: "load it (modprobe -a nf_tables nft_masq nft_ct nft_chain_nat), or use --network none or --network host",
    cause: error,
  });
}

function addTable(messages: Messages, name: string): void {
  messages.begin({ step: `add table ip ${name}`, type: NEWTABLE, flags: NLM_F_CREATE });
  head(messages).attrString(1, name);
}

function dropTable(messages: Messages, name: string): void {
  messages.begin({ step: `delete table ip ${name}`, type: DELTABLE });
  head(messages).attrString(1, name);
}

function addChain(messages: Messages, table: string, chain: Chain): void {
  messages.begin({ step: `add chain ${chain.name} to table ip ${table}`, type: NEWCHAIN, flags: NLM_F_CREATE });
  head(messages)
    .attrString(1, table)
    .attrString(3, chain.name)
    .nest(4, () => messages.attrU32be(1, HOOKS[chain.hook]).attrU32be(2, chain.priority))
    .attrString(7, chain.type);
}

/** nft expressions work on this 16-byte register. */
const REGISTER = 1;
const VERDICT_REGISTER = 0;
const NF_DROP = 0;
const NF_ACCEPT = 1;
const EQUAL = 0;
const NOT_EQUAL = 1;
const META_IIFNAME = 6;
const META_OIFNAME = 7;
const CT_STATE = 0;
/** Bits of ct state in the machine's order: established 2, related 4. */
const ESTABLISHED_OR_RELATED = Buffer.from(new Uint32Array([6]).buffer);

const expression = (messages: Messages, name: string, fill: () => void): Messages =>
  messages.nest(1, () => messages.attrString(1, name).nest(2, fill));

const compare = (messages: Messages, operation: number, value: Uint8Array): Messages =>
  expression(messages, "cmp", () =>
    messages
      .attrU32be(1, REGISTER)
      .attrU32be(2, operation)
      .nest(3, () => messages.attr(1, value)),
  );

const mask = (messages: Messages, bits: Uint8Array): Messages =>
  expression(messages, "bitwise", () =>
    messages
      .attrU32be(1, REGISTER)
      .attrU32be(2, REGISTER)
      .attrU32be(3, 4)
      .nest(4, () => messages.attr(1, bits))
      .nest(5, () => messages.attr(1, new Uint8Array(4))),
  );

const verdict = (messages: Messages, code: number): Messages =>
  expression(messages, "immediate", () =>
    messages.attrU32be(1, VERDICT_REGISTER).nest(2, () => messages.nest(2, () => messages.attrU32be(1, code))),
  );

function write(messages: Messages, statement: Statement): void {
  switch (statement.kind) {
    case "interface": {
      const name = Buffer.alloc(16);
      name.write(statement.name);
      const key = statement.direction === "in" ? META_IIFNAME : META_OIFNAME;
      expression(messages, "meta", () => messages.attrU32be(1, REGISTER).attrU32be(2, key));
      return void compare(messages, statement.not ? NOT_EQUAL : EQUAL, name);
    }
    case "source":
      // Four bytes at offset 12 of the network header.
      expression(messages, "payload", () => messages.attrU32be(1, REGISTER).attrU32be(2, 1).attrU32be(3, 12).attrU32be(4, 4));
      mask(messages, addressBytes(netmask(statement.subnet.prefix)));
      return void compare(messages, EQUAL, addressBytes(statement.subnet.base));
    case "established":
      expression(messages, "ct", () => messages.attrU32be(1, REGISTER).attrU32be(2, CT_STATE));
      mask(messages, ESTABLISHED_OR_RELATED);
      return void compare(messages, NOT_EQUAL, new Uint8Array(4));
    case "accept":
      return void verdict(messages, NF_ACCEPT);
    case "drop":
      return void verdict(messages, NF_DROP);
    case "masquerade":
      return void expression(messages, "masq", () => {});
  }
}
