/** What a command in the foreground needs of the process that it started: its end, its terminal. */

import { type Fd, receiveFds, socketPair } from "../../../ffi/fd.ts";
import { nodeFs } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { waitChild } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import { waitReadable } from "../frames.ts";

export interface Player {
  pid: number;
  /** Ends with the player, which ends as the process does. */
  ended: Fd;
}

/** How long the end is waited for at once: most commands are over by then. Signals wait for as long. */
const AT_ONCE_MS = 40;

/** The exit code; `onLonger` is called when it takes longer, and signals can be passed on from then. */
export async function waitForEnd({ pid, ended }: Player, onLonger: () => void): Promise<number> {
  if (!waitReadable(ended.number, AT_ONCE_MS)) {
    onLonger();
    await new Promise<void>((resolve) => {
      const again = (): void =>
        nodeFs().read(ended.number, Buffer.alloc(1), 0, 1, null, (error) => (error?.code === "EAGAIN" ? again() : resolve()));
      again();
    });
  }
  ended.close();
  return waitChild(pid);
}

/** The master of the terminal, from the socket that was given as the request's console. */
export function receiveMaster(socket: Fd): Fd {
  const { fds } = receiveFds(socket.number, 64);
  const [master] = fds;
  if (!master) throw new HoyError("the container did not hand over its terminal");
  return master;
}

const TIOCSWINSZ = 0x5414;

export const resizeTerminal = (master: Fd, { rows, columns }: { rows: number; columns: number }): void =>
  void sys(NR.ioctl, master.number, TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0]));

/** Sends a signal to the process; it may have ended. */
export const passSignal = (pid: number, signal: number): void => void sys(NR.kill, pid, signal);

/** A pair of sockets over which a terminal's master comes. */
export interface Console extends Disposable {
  ours: Fd;
  theirs: Fd;
}

export function openConsole(): Console {
  const [ours, theirs] = socketPair();
  return {
    ours,
    theirs,
    [Symbol.dispose]() {
      ours.close();
      theirs.close();
    },
  };
}
