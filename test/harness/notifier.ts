/** The program behind linux.seccomp.listenerPath: takes a filter's descriptor and answers one call with an errno (seccomp_unotify(2)). */
import { check } from "../../ffi/errno.ts";
import { Fd, O_CLOEXEC, receiveFds } from "../../ffi/fd.ts";
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";
import { waitReadable } from "../../src/runtime/frames.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const RECEIVE = 0xc0502100;
const SEND = 0xc0182101;
const PATIENCE_MS = 20_000;

export class Notifier implements Disposable {
  readonly #socket: Fd;

  /** Listens at `path`, a short one. */
  constructor(readonly path: string) {
    this.#socket = new Fd(check(sys(NR.socket, AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0), "socket"));
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(`${path}\0`)]);
    check(sys(NR.bind, this.#socket.number, address, address.length), `bind ${path}`);
    check(sys(NR.listen, this.#socket.number, 8), `listen on ${path}`);
  }

  /** The next process's state document and the descriptor with it. */
  async accept(): Promise<{ state: unknown; listener: Fd }> {
    await readable(this.#socket.number, "a connection");
    using connection = new Fd(check(sys(NR.accept4, this.#socket.number, 0, 0, O_CLOEXEC), "accept"));
    await readable(connection.number, "the state document");
    const { data, fds } = receiveFds(connection.number, 65536);
    return { state: JSON.parse(data.toString()), listener: fds[0] as Fd };
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Waits for a call, and lets it fail with that number. Returns the number of the call. */
export async function refuseCall(listener: Fd, errno: number): Promise<number> {
  await readable(listener.number, "a call");
  const notification = new Uint8Array(80);
  check(sys(NR.ioctl, listener.number, RECEIVE, notification), "receive a notification");
  const view = new DataView(notification.buffer);
  const answer = new DataView(new ArrayBuffer(24));
  answer.setBigUint64(0, view.getBigUint64(0, true), true);
  answer.setInt32(16, -errno, true);
  check(sys(NR.ioctl, listener.number, SEND, new Uint8Array(answer.buffer)), "answer a notification");
  return view.getInt32(16, true);
}

/** Others have to run meanwhile: hoy's output is read by this process too. */
async function readable(fd: number, what: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !waitReadable(fd, 0); await Bun.sleep(5))
    if (Date.now() > deadline) throw new Error(`no ${what} came in ${PATIENCE_MS} ms`);
}
