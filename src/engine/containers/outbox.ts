/**
 * Frames to a monitor, sent without waiting in place: a container that does not read its input must not keep us from reading its
 * output, else both would wait for each other.
 */
import { check, EAGAIN, EINTR } from "../../../ffi/errno.ts";
import type { Fd } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Between two tries on a full socket. */
const PAUSE_MS = 2;

export class Outbox {
  readonly #socket: Fd;
  /** Not sent yet; the first may have been sent in part. */
  #waiting: Uint8Array[] = [];
  #begun = false;
  #sending: Promise<void> | undefined;

  constructor(socket: Fd) {
    this.#socket = socket;
  }

  /** Sends the frame, after those before it. Resolves when all is sent; undefined: it is already. Throws SysError. */
  send(frame: Uint8Array): Promise<void> | undefined {
    this.#waiting.push(frame);
    if (this.#sending) return this.#sending;
    if (this.#sendNow()) return undefined;
    this.#sending = this.#sendLater().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  /** Gives up what waits, but for the rest of a frame that was begun: after it the socket is between two frames. */
  async giveUp(): Promise<void> {
    this.#waiting.splice(this.#begun ? 1 : 0);
    await this.#sending;
  }

  async #sendLater(): Promise<void> {
    do await Bun.sleep(PAUSE_MS);
    while (!this.#sendNow());
  }

  /** As much as the socket takes; true when nothing is left. */
  #sendNow(): boolean {
    for (let frame = this.#waiting[0]; frame; frame = this.#waiting[0]) {
      const sent = sys(NR.sendto, this.#socket.number, frame as NodeJS.TypedArray, frame.length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
      if (sent === -EAGAIN) return false;
      if (sent === -EINTR) continue;
      check(sent, "write to the monitor");
      this.#begun = sent < frame.length;
      if (this.#begun) this.#waiting[0] = frame.subarray(sent);
      else this.#waiting.shift();
    }
    return true;
  }
}
