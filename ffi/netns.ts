/** Work inside another network namespace, from JavaScript's main thread (network_namespaces(7), setns(2)). */
import { check } from "./errno.ts";
import { type Fd, O_RDONLY, open } from "./fd.ts";
import { sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

const CLONE_NEWNET = 0x40000000;

/** This thread's network namespace. */
export const ownNetworkNamespace = (): Fd => open("/proc/thread-self/ns/net", O_RDONLY);

/**
 * Runs `work` with the main thread inside the network namespace `fd` and comes back, whatever happens: sockets opened inside stay
 * there, /proc/sys/net shows that namespace. `work` must be synchronous and use this thread only (ffi calls and node:fs's sync
 * calls do). Throws SysError, EPERM without rights over the namespace. For the host's root only: from a user's namespace there is
 * no way back into the host's network.
 */
export function inNetworkNamespace<T>(fd: number, work: () => T): T {
  using own = ownNetworkNamespace();
  check(sys(NR.setns, fd, CLONE_NEWNET), "enter the network namespace");
  try {
    return work();
  } finally {
    check(sys(NR.setns, own.number, CLONE_NEWNET), "return from the network namespace");
  }
}

/** Runs `work` in a new, empty network namespace and comes back; the namespace lives on while something holds it. Throws SysError. */
export function inNewNetworkNamespace<T>(work: () => T): T {
  using own = ownNetworkNamespace();
  check(sys(NR.unshare, CLONE_NEWNET), "make a network namespace");
  try {
    return work();
  } finally {
    check(sys(NR.setns, own.number, CLONE_NEWNET), "return from the network namespace");
  }
}
