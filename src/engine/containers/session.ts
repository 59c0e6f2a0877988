/** A conversation with a monitor: the container's streams from one side, what is typed from the other, until its end or a detach. */

import { isErrno } from "../../../ffi/at.ts";
import { EPIPE } from "../../../ffi/errno.ts";
import type { Fd } from "../../../ffi/fd.ts";
import { nodeFs } from "../../../ffi/fs.ts";
import { encodeFrame, FrameReader, From, sizeBytes, To, waitReadable } from "../../runtime/frames.ts";
import { HoyError } from "../../spec/error.ts";
import { Outbox } from "./outbox.ts";

export interface Output {
  stdout(data: Uint8Array): void;
  stderr(data: Uint8Array): void;
}

export type End = { kind: "exit"; code: number } | { kind: "detached" };

/**
 * How long the socket is read in the foreground before the event loop takes over: most commands are over by then, and no thread
 * has to be asked. Signals wait for as long.
 */
const FOREGROUND_MS = 40;

export class Session implements Disposable {
  readonly #socket: Fd;
  readonly #frames: FrameReader;
  readonly #outbox: Outbox;
  #detach: (() => void) | undefined;
  #ended = false;

  constructor(socket: Fd, frames = new FrameReader(socket.number)) {
    this.#socket = socket;
    this.#frames = frames;
    this.#outbox = new Outbox(socket);
  }

  /**
   * Carries output until the container's end or `detach()`; `onBackground` is called when it was not over at once and the event loop
   * takes over. Throws HoyError when the monitor is lost.
   */
  async follow(output: Output, onBackground?: () => void): Promise<End> {
    const deadline = performance.now() + FOREGROUND_MS;
    for (;;) {
      const end = this.#drain(output);
      if (end) return end;
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) break;
      if (waitReadable(this.#socket.number, left)) this.#readNow();
    }
    onBackground?.();
    const detached = new Promise<End>((resolve) => {
      this.#detach = () => resolve({ kind: "detached" });
    });
    return await Promise.race([this.#followLater(output), detached]);
  }

  async #followLater(output: Output): Promise<End> {
    for (;;) {
      await this.#readLater();
      const end = this.#drain(output);
      if (end) return end;
    }
  }

  #drain(output: Output): End | undefined {
    for (let frame = this.#frames.take(); frame; frame = this.#frames.take()) {
      if (frame.type === From.stdout) output.stdout(frame.data);
      else if (frame.type === From.stderr) output.stderr(frame.data);
      else if (frame.type === From.exit) {
        this.#ended = true;
        return { kind: "exit", code: Number(frame.data.toString()) };
      }
    }
    return undefined;
  }

  #readNow(): void {
    if (!this.#frames.readOnce()) throw lost();
  }

  #readLater(): Promise<void> {
    const space = this.#frames.space();
    return new Promise((resolve, reject) => {
      nodeFs().read(this.#socket.number, space, 0, space.length, null, (error, bytes) => {
        if (error && error.code !== "EINTR" && error.code !== "EAGAIN") reject(error);
        else if (!error && bytes === 0) reject(lost());
        else {
          this.#frames.filled(bytes ?? 0);
          resolve();
        }
      });
    });
  }

  /** What was typed; a promise when it could not be sent at once. After the end nothing is sent any more. */
  write(data: Uint8Array): Promise<void> | undefined {
    return this.#send(To.stdin, data);
  }

  closeInput(): void {
    this.#send(To.close);
  }

  resize(rows: number, columns: number): void {
    this.#send(To.resize, sizeBytes(rows, columns));
  }

  #send(type: number, data?: Uint8Array): Promise<void> | undefined {
    if (this.#ended) return undefined;
    // when the monitor has just ended, the reading side tells
    const lost = (): void => {
      this.#ended = true;
    };
    try {
      return this.#outbox.send(encodeFrame(type, data))?.catch(lost);
    } catch {
      lost();
      return undefined;
    }
  }

  /** Leaves the container running; `follow` resolves. */
  detach(): void {
    this.#detach?.();
  }

  /** Tells the monitor that what follows the end has been done. */
  async done(): Promise<void> {
    this.#ended = true;
    try {
      await this.#outbox.giveUp();
      await this.#outbox.send(encodeFrame(To.done));
    } catch (error) {
      if (!isErrno(error, EPIPE)) throw error; // it was killed meanwhile: nobody waits
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

const lost = (): HoyError =>
  new HoyError("the connection to the container's monitor is lost", {
    hint: "it was killed, or let go of a listener that did not read for 10 seconds",
    exitCode: 125,
  });
