/** Carries a container's streams between its session and our own 0, 1 and 2: typing, detach keys, resizing, signals. */
import { nodeFs } from "../../../ffi/fs.ts";
import type { End, Session } from "../../engine/containers/session.ts";
import { isTerminal, makeRaw, terminalSize } from "../../engine/terminal.ts";
import { writeStream } from "../output/write.ts";
import { DetachKeys } from "./detach-keys.ts";
import type { CaughtSignals } from "./signals.ts";

export interface StreamsRequest {
  session: Session;
  tty: boolean;
  /** Absent: ours is not connected. */
  input: Input | undefined;
  /** Which of our others are connected. */
  stdout: boolean;
  stderr: boolean;
  /** Signals to us that are meant for the container, and what to do with each; absent: signals act on us. */
  signals?: { caught: CaughtSignals; act: (name: string) => void } | undefined;
}

/** Carries them until the container's end or a detach. */
export async function carryStreams(request: StreamsRequest): Promise<End> {
  const { session, tty, input } = request;
  const restore = tty && input ? makeRaw(0) : undefined;
  const undo = [restore, request.signals?.caught.release];
  const output = {
    stdout: (data: Uint8Array) => request.stdout && writeStream(1, data),
    stderr: (data: Uint8Array) => request.stderr && writeStream(2, data),
  };
  try {
    input?.carry(session);
    return await session.follow(output, () => {
      request.signals?.caught.deliver(request.signals.act);
      if (tty) undo.push(followSize(session));
    });
  } finally {
    for (const step of undo) step?.();
  }
}

/** The size of our terminal, at first and after each change. */
function followSize(session: Session): () => void {
  const send = (): void => {
    const size = terminalSize(1) ?? terminalSize(0);
    if (size) session.resize(size.rows, size.columns);
  };
  process.on("SIGWINCH", send);
  return () => process.off("SIGWINCH", send);
}

/** What is typed, for one session after the other: the attached run of a container that is restarted has several. */
export class Input {
  readonly #keys: DetachKeys | undefined;
  #session: Session | undefined;
  #isOver = false;

  /** `detachKeys`: bytes that leave the container running; empty: none. */
  constructor(tty: boolean, detachKeys: Uint8Array) {
    this.#keys = tty && detachKeys.length > 0 && isTerminal(0) ? new DetachKeys(detachKeys) : undefined;
  }

  /** From now on what is typed is for this session. */
  carry(session: Session): void {
    const isFirst = this.#session === undefined;
    this.#session = session;
    if (this.#isOver) session.closeInput();
    else if (isFirst) this.#read(Buffer.alloc(32 << 10));
  }

  #read(buffer: Buffer): void {
    const next = (): void => this.#read(buffer);
    nodeFs().read(0, buffer, 0, buffer.length, null, (error, bytes) => {
      if (error?.code === "EAGAIN") return void setTimeout(next, 5);
      if (error || bytes === 0) {
        this.#isOver = true;
        return this.#session?.closeInput();
      }
      const typed = this.#keys ? this.#keys.filter(buffer.subarray(0, bytes)) : { data: buffer.subarray(0, bytes), detach: false };
      const sending = typed.data.length > 0 ? this.#session?.write(typed.data) : undefined;
      if (typed.detach) this.#session?.detach();
      else if (sending) void sending.then(next);
      else next();
    });
  }
}
