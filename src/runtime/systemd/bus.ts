/**
 * A connection to a D-Bus server, with calls that wait for their answers.
 *
 * Our own, and small, because no package fits: dbus-next has had no release for years; @homebridge/dbus-native is kept, but like it
 * brings an XML parser and event streams for introspection, and is asynchronous over node:net. The five methods of systemd's that
 * are called here need none of it, and a start works with plain blocking system calls, on whose way no event loop turns.
 */
import { check, EINTR } from "../../../ffi/errno.ts";
import { type Fd, writeAll } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { connectUnix } from "../../../ffi/socket.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { waitReadable } from "../frames.ts";
import { decodeMessage, encodeMessage, type Message, MessageType, messageLength } from "./message.ts";
import type { Value } from "./wire.ts";

/** What sd-bus gives a call, too. */
const PATIENCE_MS = 25_000;

export interface Call {
  path: string;
  interface: string;
  member: string;
  destination: string;
  signature?: string;
  body?: readonly Value[];
}

/** A call that the other side refused: its name tells why (org.freedesktop.systemd1.UnitExists …). */
export class BusError extends Error {
  constructor(
    readonly errorName: string,
    message: string,
  ) {
    super(message);
    this.name = "BusError";
  }
}

export class Bus implements Disposable {
  #received = Buffer.alloc(0);
  #serial = 0;
  /** Signals that came while something else was waited for. */
  readonly #signals: Message[] = [];

  private constructor(
    readonly socket: Fd,
    /** For errors. */
    readonly address: string,
  ) {}

  /**
   * Connects to the stream socket at `path` (abstract ones begin with a NUL) and authenticates as who we are to the kernel.
   * Undefined when nobody listens there, or refuses us. `direct`: a server without a bus behind it takes no Hello.
   */
  static open(path: string, { direct }: { direct: boolean }): Bus | undefined {
    const socket = connectUnix(path);
    if (!socket) return undefined;
    const bus = new Bus(socket, path);
    try {
      if (!bus.#authenticate()) {
        socket.close();
        return undefined;
      }
      if (!direct) bus.call({ ...BUS, member: "Hello" });
      return bus;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /**
   * EXTERNAL without a name: the kernel says who is at the other end ("Authentication Protocol"), also from a user namespace. All in
   * one write, as sd-bus does it: systemd's own server does not look at a message that it has read together with BEGIN until more
   * comes, and once it has answered that cannot be.
   */
  #authenticate(): boolean {
    writeAll(this.socket.number, Buffer.from("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"));
    const answer = this.#line();
    return (/^DATA ?$/.test(answer) ? this.#line() : answer).startsWith("OK ");
  }

  #line(): string {
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#received.toString("latin1", 0, end);
        this.#received = this.#received.subarray(end + 2);
        return line;
      }
      this.#read(Date.now() + PATIENCE_MS);
    }
  }

  #read(deadline: number): void {
    if (!waitReadable(this.socket.number, Math.max(0, deadline - Date.now())))
      throw new HoyError(`no answer over D-Bus from ${this.address.replace("\0", "@")} in ${PATIENCE_MS / 1000} s`);
    const space = Buffer.alloc(16 << 10);
    const got = sys(NR.read, this.socket.number, space, space.length);
    if (got === -EINTR) return;
    if (check(got, `read from ${this.address}`) === 0) throw new HoyError(`the D-Bus server at ${this.address} closed the connection`);
    this.#received = Buffer.concat([this.#received, space.subarray(0, got)]);
  }

  #next(deadline: number): Message {
    for (;;) {
      const length = messageLength(this.#received);
      if (length !== undefined && this.#received.length >= length) {
        // a copy: values are aligned to where the message begins
        const message = decodeMessage(Buffer.from(this.#received.subarray(0, length)));
        this.#received = this.#received.subarray(length);
        return message;
      }
      this.#read(deadline);
    }
  }

  /** Sends a call; returns its number for `answer`. */
  send({ signature = "", body = [], ...call }: Call): number {
    const serial = ++this.#serial;
    writeAll(this.socket.number, encodeMessage({ type: MessageType.call, serial, signature, body, ...call }));
    return serial;
  }

  /** Waits for the answer to a call and returns its values. Throws BusError when it was refused, HoyError when none comes. */
  answer(serial: number): readonly Value[] {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const message = this.#next(deadline);
      if (message.type === MessageType.signal) this.#signals.push(message);
      if (message.replyTo !== serial) continue;
      if (message.type !== MessageType.error) return message.body;
      const [why] = message.body;
      throw new BusError(message.errorName ?? "", typeof why === "string" ? why : (message.errorName ?? "refused"));
    }
  }

  call(call: Call): readonly Value[] {
    return this.answer(this.send(call));
  }

  /** The first signal that `fits`, which may have come already. */
  signal(fits: (message: Message) => boolean): Message {
    const at = this.#signals.findIndex(fits);
    if (at >= 0) return this.#signals.splice(at, 1)[0] as Message;
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const message = this.#next(deadline);
      if (message.type === MessageType.signal && fits(message)) return message;
    }
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

/** The bus itself ("Message Bus Messages"). */
export const BUS = {
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
  destination: "org.freedesktop.DBus",
} as const;
