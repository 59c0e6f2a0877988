/** --console-socket: a socket of the caller's that gets the master of the container's terminal (runc, docs/terminals.md). */
import { basename, dirname } from "node:path";
import { type Fd, O_DIRECTORY, O_PATH, open } from "../../../ffi/fd.ts";
import { connectUnix } from "../../../ffi/socket.ts";
import { HoyError } from "../../spec/error.ts";

/** What goes with the descriptor: a name for the terminal, as runc sends it. */
export const MASTER_BODY: Uint8Array = Buffer.from("/dev/ptmx");

export function connectConsole(path: string | undefined): Fd {
  if (path === undefined) throw new HoyError("cannot allocate tty if runc will detach without setting console socket", { status: 400 });
  // through its folder: the path may be longer than an address holds
  using folder = open(dirname(path), O_PATH | O_DIRECTORY);
  const socket = connectUnix(`${folder.path}/${basename(path)}`);
  if (!socket) throw new HoyError(`nobody listens on the console socket ${path}`);
  return socket;
}
