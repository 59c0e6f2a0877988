/** Netlink sockets (netlink(7)): messages sent together, each acknowledged by the kernel; dumps; errors with the kernel's own words. */
import { check, EINTR, SysError } from "./errno.ts";
import { Fd, O_CLOEXEC } from "./fd.ts";
import { sys } from "./libc.ts";
import { attributeText, type Messages, readAttributes } from "./netlink-message.ts";
import { NR } from "./syscalls.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

/** Times that a dump is repeated because the table changed meanwhile (NLM_F_DUMP_INTR). */
const DUMP_ATTEMPTS = 20;
const RECEIVE_SIZE = 1 << 16;

/** A message of an answer: its type, and what follows the header. */
export interface Answer {
  readonly type: number;
  readonly body: Buffer;
}

/** A failed step with the reason that the kernel gave in words (NETLINK_EXT_ACK), where it gave one. */
function failure(step: string, errno: number, words: string): SysError {
  return new SysError(words === "" ? step : `${step} (${words})`, errno);
}

/** Words of an NLMSG_ERROR at `at`: behind the error and the original header, or the whole original message where it was echoed. */
function extendedWords(bytes: Buffer, at: number, size: number): string {
  const flags = bytes.readUInt16LE(at + 6);
  if (!(flags & NLM_F_ACK_TLVS)) return "";
  const echoed = flags & NLM_F_CAPPED ? 16 : (bytes.readUInt32LE(at + 20) + 3) & ~3;
  return attributeText(readAttributes(bytes.subarray(0, at + size), at + 20 + echoed).get(NLMSGERR_ATTR_MSG));
}

/** A close-on-exec netlink socket of the network namespace in which it was opened. */
export class NetlinkSocket implements Disposable {
  readonly #fd: Fd;
  readonly #buffer = Buffer.allocUnsafe(RECEIVE_SIZE);
  #sequence = 1;

  /** Throws SysError: EPROTONOSUPPORT when the kernel lacks the protocol. */
  constructor(protocol: number) {
    this.#fd = new Fd(check(sys(NR.socket, AF_NETLINK, SOCK_RAW | O_CLOEXEC, protocol), "open a netlink socket"));
    // Kernels before 4.12 and 4.20 lack these options: they only make answers shorter and dumps smaller.
    const on = new Int32Array([1]);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK])
      sys(NR.setsockopt, this.#fd.number, SOL_NETLINK, option, on, 4);
  }

  close(): void {
    this.#fd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Sends all messages at once and waits for their acknowledgements. The kernel handles them in order; rtnetlink goes on after one
   * that failed, nf_tables takes a batch wholly or not at all. Throws SysError with the step of the first that failed.
   */
  send(messages: Messages): void {
    const first = this.#transmit(messages);
    let waiting = messages.meta.filter(({ ack }) => ack).length;
    let failed: { index: number; error: SysError } | undefined;
    while (waiting > 0) {
      for (const { at, size, type, index } of this.#receive(first)) {
        const meta = messages.meta[index];
        if (type !== NLMSG_ERROR || !meta) continue;
        const errno = -this.#buffer.readInt32LE(at + 16);
        // The ends of a batch are answered only when all of it is refused; nothing else may come then.
        if (!meta.ack) throw failure(meta.step, errno, extendedWords(this.#buffer, at, size));
        waiting--;
        if (errno === 0 || meta.ignore.includes(errno) || (failed && failed.index < index)) continue;
        failed = { index, error: failure(meta.step, errno, extendedWords(this.#buffer, at, size)) };
      }
    }
    if (failed) throw failed.error;
  }

  /**
   * Sends one question and returns the answers up to the closing message. Throws SysError.
   * @param messages one message, with NLM_F_DUMP, or with an acknowledgement after its only answer
   */
  ask(messages: Messages): Answer[] {
    for (let attempt = 1; ; attempt++) {
      const answers = this.#askOnce(messages);
      if (answers) return answers;
      if (attempt === DUMP_ATTEMPTS) throw new SysError(`${messages.meta[0]?.step}: the table changes all the time`, EINTR);
    }
  }

  #askOnce(messages: Messages): Answer[] | undefined {
    const first = this.#transmit(messages);
    const step = messages.meta[0]?.step ?? "netlink";
    const answers: Answer[] = [];
    let whole = true;
    for (;;) {
      for (const { at, size, type } of this.#receive(first)) {
        if (this.#buffer.readUInt16LE(at + 6) & NLM_F_DUMP_INTR && type !== NLMSG_ERROR) whole = false;
        if (type === NLMSG_ERROR || type === NLMSG_DONE) {
          const errno = size >= 20 ? -this.#buffer.readInt32LE(at + 16) : 0;
          if (errno > 0) throw failure(step, errno, type === NLMSG_ERROR ? extendedWords(this.#buffer, at, size) : "");
          return whole ? answers : undefined;
        }
        answers.push({ type, body: Buffer.from(this.#buffer.subarray(at + 16, at + size)) });
      }
    }
  }

  #transmit(messages: Messages): number {
    const first = this.#sequence;
    this.#sequence += messages.meta.length;
    const bytes = messages.finish(first);
    check(sys(NR.sendto, this.#fd.number, bytes, bytes.length), messages.meta[0]?.step ?? "send netlink messages");
    return first;
  }

  /** One datagram's messages that belong to the exchange which began with sequence number `first`. */
  *#receive(first: number): Generator<{ at: number; size: number; type: number; index: number }> {
    const buffer = this.#buffer;
    const length = sys(NR.recvfrom, this.#fd.number, buffer, buffer.length, MSG_TRUNC);
    if (length === -EINTR) return;
    if (check(length, "receive a netlink answer") > buffer.length) throw new SysError("receive a netlink answer: it is too long", 90);
    for (let at = 0; at + 16 <= length; ) {
      const size = buffer.readUInt32LE(at);
      const index = buffer.readUInt32LE(at + 8) - first;
      // A lower number answers an exchange that ended with an error.
      if (index >= 0) yield { at, size, type: buffer.readUInt16LE(at + 4), index };
      at += (size + 3) & ~3;
    }
  }
}
