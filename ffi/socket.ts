/** Unix stream sockets by path, for conversations with monitors (unix(7)). */
import { check, ENOENT } from "./errno.ts";
import { Fd, O_CLOEXEC } from "./fd.ts";
import { sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const ECONNREFUSED = 111;
const LONGEST_PATH = 107;

/**
 * Connects to the socket at `path`, which has to be short: name it through `/proc/self/fd/N`. Undefined when nobody listens there.
 * Throws SysError.
 */
export function connectUnix(path: string): Fd | undefined {
  const name = Buffer.from(path);
  if (name.length > LONGEST_PATH) throw new RangeError(`the socket path ${path} is longer than ${LONGEST_PATH} bytes`);
  const address = Buffer.alloc(2 + name.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  address.set(name, 2);
  const fd = new Fd(check(sys(NR.socket, AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0), "socket"));
  const result = sys(NR.connect, fd.number, address, address.length);
  if (result === 0) return fd;
  fd.close();
  if (result === -ENOENT || result === -ECONNREFUSED) return undefined;
  check(result, `connect to ${path}`);
  return undefined;
}
