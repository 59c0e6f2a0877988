/** Unix stream sockets by path, for conversations with monitors (unix(7)). */
import { check, ENOENT } from "./errno.ts";
import { Fd, O_CLOEXEC, O_DIRECTORY, O_PATH, open } from "./fd.ts";
import { cstr, sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const ECONNREFUSED = 111;
const LONGEST_PATH = 107;

/** struct sockaddr_un of a path, which has to be short: name it through `/proc/self/fd/N`. An abstract one begins with a NUL, and ends with none. */
function addressBytes(path: string): Buffer {
  const name = Buffer.from(path);
  if (name.length > LONGEST_PATH) throw new RangeError(`the socket path ${path} is longer than ${LONGEST_PATH} bytes`);
  const address = Buffer.alloc(2 + name.length + (path.startsWith("\0") ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  address.set(name, 2);
  return address;
}

function connect(type: number, path: string): Fd | undefined {
  const address = addressBytes(path);
  const fd = new Fd(check(sys(NR.socket, AF_UNIX, type | O_CLOEXEC, 0), "socket"));
  const result = sys(NR.connect, fd.number, address, address.length);
  if (result === 0) return fd;
  fd.close();
  if (result === -ENOENT || result === -ECONNREFUSED) return undefined;
  check(result, `connect to ${path}`);
  return undefined;
}

/** Connects to the stream socket at `path`, a short one. Undefined when nobody listens there. Throws SysError. */
export const connectUnix = (path: string): Fd | undefined => connect(SOCK_STREAM, path);

const SOCK_DGRAM = 2;

/** Makes a datagram socket called `name` in `folder`, whose path may be of any length. Throws SysError. */
export function bindDatagram(folder: string, name: string): Fd {
  using at = open(folder, O_PATH | O_DIRECTORY);
  const socket = new Fd(check(sys(NR.socket, AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0), "socket"));
  const address = addressBytes(`${at.path}/${name}`);
  check(sys(NR.bind, socket.number, address, address.length), `bind ${folder}/${name}`);
  return socket;
}

/** A datagram socket connected to the one called `name` in `folder`; undefined when nobody holds it. Throws SysError. */
export function connectDatagram(folder: string, name: string): Fd | undefined {
  using at = open(folder, O_PATH | O_DIRECTORY);
  return connect(SOCK_DGRAM, `${at.path}/${name}`);
}

const SOCK_NONBLOCK = 0o4000;

export interface Listener extends Disposable {
  /** The folder, through which others can name the socket however long its path is. */
  readonly folder: Fd;
  /** A connection that waits; undefined when there is none. */
  accept(): Fd | undefined;
}

/** A stream socket called `name` in `folder` that listens; one of that name is replaced. Throws SysError. */
export function listenUnix(folder: string, name: string): Listener {
  const at = open(folder, O_PATH | O_DIRECTORY);
  const socket = new Fd(check(sys(NR.socket, AF_UNIX, SOCK_STREAM | O_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  const address = addressBytes(`${at.path}/${name}`);
  sys(NR.unlinkat, at.number, cstr(name), 0);
  check(sys(NR.bind, socket.number, address, address.length), `bind ${folder}/${name}`);
  check(sys(NR.listen, socket.number, 1), `listen on ${folder}/${name}`);
  return {
    folder: at,
    accept() {
      const found = sys(NR.accept4, socket.number, 0, 0, O_CLOEXEC);
      return found < 0 ? undefined : new Fd(found);
    },
    [Symbol.dispose]() {
      sys(NR.unlinkat, at.number, cstr(name), 0);
      socket.close();
      at.close();
    },
  };
}
