/**
 * linux.seccomp.listenerPath: a program of the caller's answers calls for which the filter says SCMP_ACT_NOTIFY. The kernel gives the
 * process that loads the filter a descriptor; it comes over the conversation (conversation.ts) in a frame of its own, and goes on to
 * the socket of that program with the state of the process (config-linux.md, "The Container Process State").
 */
import { basename, dirname } from "node:path";
import { type Fd, O_DIRECTORY, O_PATH, open, receiveFds, sendFds } from "../../../ffi/fd.ts";
import { connectUnix } from "../../../ffi/socket.ts";
import { HoyError } from "../../spec/error.ts";
import type { Seccomp } from "../../spec/runtime.ts";
import { FrameReader } from "../frames.ts";
import { OCI_VERSION, type State } from "./state.ts";

const NOTIFY = "SCMP_ACT_NOTIFY";

/** The call that hands the descriptor over, with the filter in force already: nobody could answer it. */
const HAND_OVER = "sendmsg";

export const notifies = (seccomp: Seccomp | undefined): seccomp is Seccomp =>
  seccomp?.syscalls?.some(({ action }) => action === NOTIFY) ?? false;

/** Throws HoyError for a listener that cannot work. */
export function checkListener(seccomp: Seccomp | undefined): void {
  const wrong = (what: string): HoyError => new HoyError(`config.json: linux.seccomp: ${what}`, { status: 400 });
  if (!seccomp) return;
  if (seccomp.listenerMetadata && !seccomp.listenerPath) throw wrong("listenerMetadata without listenerPath");
  if (seccomp.defaultAction === NOTIFY) throw wrong(`${NOTIFY} cannot be the default action`);
  if (!notifies(seccomp)) return;
  if (!seccomp.listenerPath) throw wrong(`${NOTIFY} needs listenerPath`);
  if (seccomp.syscalls?.some(({ names, action }) => action === NOTIFY && names.includes(HAND_OVER)))
    throw wrong(`${NOTIFY} cannot be used for ${HAND_OVER}, with which the listener's descriptor is handed over`);
}

/** Reads frames, and keeps the descriptors that come with them. */
export class DescriptorReader extends FrameReader {
  readonly fds: Fd[] = [];

  override readOnce(): boolean {
    const { data, fds } = receiveFds(this.fd, Math.min(this.space().length, 4096));
    this.fds.push(...fds);
    data.copy(this.space());
    this.filled(data.length);
    return data.length > 0;
  }
}

/** A connection to the program that answers. */
export interface Agent extends Disposable {
  /** Hands the filter's descriptor over, and closes it here. Throws SysError. */
  handOver(listener: Fd | undefined, pid: number, state: State): void;
}

/**
 * Connects before the filter is loaded, so that a container whose calls nobody would answer does not start. Undefined where no call
 * is to be answered. Throws HoyError.
 */
export function connectAgent(seccomp: Seccomp | undefined): Agent | undefined {
  if (!notifies(seccomp)) return undefined;
  const { listenerPath = "", listenerMetadata } = seccomp;
  // through its folder: the path may be longer than an address holds
  using folder = open(dirname(listenerPath), O_PATH | O_DIRECTORY);
  const socket = connectUnix(`${folder.path}/${basename(listenerPath)}`);
  if (!socket) throw new HoyError(`nobody listens on the seccomp listener's socket ${listenerPath}`);
  return {
    handOver(listener, pid, state) {
      if (!listener) throw new HoyError("the process did not hand over the descriptor of its seccomp filter");
      const metadata = listenerMetadata === undefined ? {} : { metadata: listenerMetadata };
      const document = { ociVersion: OCI_VERSION, fds: ["seccompFd"], pid, ...metadata, state };
      sendFds(socket.number, Buffer.from(JSON.stringify(document)), [listener]);
      listener.close();
      socket.close();
    },
    [Symbol.dispose]: () => socket.close(),
  };
}
