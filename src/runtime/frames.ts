/**
 * What is said on a monitor's sockets, and how it is read. ffi/player.c is the other side.
 *
 *     hoy (owner)                     monitor                          init
 *        │  spawn, early tape ───────▶ │ detaches, joins its cgroup
 *        │  (plans the rest)           │ opens log and attach.sock
 *        │  Play ────────────────────▶ │ clone ───────────────────────▶ │ plays its part:
 *        │ ◀──────────────────── Pid   │                                │ (waits for ids, if they are its own)
 *        │  (id maps) Word ──────────▶ │ ─────────────── a byte ──────▶ │ mounts, devices, masks …
 *        │ ◀──────────────── Mounted   │ ◀────────────── S_MOUNTED      │ (waits, where there are hooks)
 *        │  (hooks) Word ────────────▶ │ ─────────────── a byte ──────▶ │
 *        │  (network, database row)    │ ◀──────────── terminal, READY  │ waits
 *        │ ◀─────── Ready or Failed    │                                │
 *        │  Exec ────────────────────▶ │ ─────────────── the word ────▶ │ ids, seccomp, execve
 *        │ ◀───── Started or Failed    │ ◀──────── end of file (close-on-exec)
 *        │ ◀────── Stdout, Stderr …    │  log.json, pid, clients of attach.sock
 *        │ ◀────────────────── Exit    │  exit (by rename), then reaps
 *        │  Done ────────────────────▶ │ leaves; without an owner: executes the engine for what follows
 *
 * The owner's end before Exec undoes the start; after it, the container goes on. Every frame has Docker's shape: type, three zero
 * bytes, length (32 bits, big endian). A client of attach.sock is first told Hello: the protocol's version and the stream's kind.
 */
import { check, EAGAIN, EINTR } from "../../ffi/errno.ts";
import { writeAll } from "../../ffi/fd.ts";
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";

/** Frames from the monitor. 1 and 2 are Docker's own numbers for the streams. */
export const From = { stdout: 1, stderr: 2, hello: 3, pid: 4, ready: 5, started: 6, failed: 7, exit: 8, mounted: 9, created: 10 } as const;
/** Frames to the monitor. */
export const To = { stdin: 0, close: 1, resize: 2, done: 3, play: 4, exec: 5, word: 6, adopt: 7 } as const;

/** The version that this engine speaks; a monitor says its own in Hello. */
export const PROTOCOL = 1;

export interface Frame {
  type: number;
  /** A view into the reader's buffer: valid until the next frame is read. */
  data: Buffer;
}

const HEAD = 8;
const POLLIN = 1;

/** One frame as bytes. */
export function encodeFrame(type: number, data: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.alloc(HEAD + data.length);
  frame[0] = type;
  frame.writeUInt32BE(data.length, 4);
  frame.set(data, HEAD);
  return frame;
}

export const sendFrame = (fd: number, type: number, data?: Uint8Array): void => writeAll(fd, encodeFrame(type, data));

/** A Resize frame's body: rows and columns, 16 bits each, big endian. */
export function sizeBytes(rows: number, columns: number): Uint8Array {
  return new Uint8Array([rows >> 8, rows & 255, columns >> 8, columns & 255]);
}

/** Waits until `fd` can be read, at most `ms` milliseconds (-1: for ever). */
export function waitReadable(fd: number, ms: number): boolean {
  const set = new Int32Array([fd, POLLIN]);
  const time = new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1_000_000)]);
  return sys(NR.ppoll, set, 1, ms < 0 ? 0 : time, 0, 8) > 0;
}

/** Takes frames from the bytes of a socket, wherever they were read. */
export class FrameReader {
  #buffer = Buffer.alloc(80 << 10);
  #start = 0;
  #end = 0;

  constructor(readonly fd: number) {}

  /** Space for the next read; hand over what came with `filled`. */
  space(): Buffer {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.length) {
      const larger = Buffer.alloc(this.#buffer.length * 2);
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#end);
  }

  filled(bytes: number): void {
    this.#end += bytes;
  }

  /** The next whole frame that has arrived. */
  take(): Frame | undefined {
    if (this.#end - this.#start < HEAD) return undefined;
    const length = this.#buffer.readUInt32BE(this.#start + 4);
    if (this.#end - this.#start < HEAD + length) return undefined;
    const type = this.#buffer[this.#start] as number;
    const data = this.#buffer.subarray(this.#start + HEAD, this.#start + HEAD + length);
    this.#start += HEAD + length;
    return { type, data };
  }

  /** One read; false at the end of the stream. */
  readOnce(): boolean {
    const space = this.space();
    const result = sys(NR.read, this.fd, space as NodeJS.TypedArray, space.length);
    if (result === -EINTR || result === -EAGAIN) return true;
    if (check(result, "read from the monitor") === 0) return false;
    this.filled(result);
    return true;
  }

  /** The next frame, waiting for it; undefined at the end of the stream. */
  next(): Frame | undefined {
    for (;;) {
      const frame = this.take();
      if (frame) return frame;
      if (!this.readOnce()) return undefined;
    }
  }
}
