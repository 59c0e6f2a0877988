/** Puts itself under the default filter and reports, as JSON, what the kernel then answers to some calls. */
import { check } from "../../../ffi/errno.ts";
import { addressOf, cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { DEFAULT_CAPABILITIES } from "../../../src/runtime/capabilities.ts";
import { filterFor } from "../../../src/runtime/seccomp/filter.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const CLONE_NEWUSER = 0x10000000;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;

const filter = new Uint8Array(await filterFor({ capabilities: DEFAULT_CAPABILITIES }));
const program = new DataView(new ArrayBuffer(16));
program.setUint16(0, filter.length / 8, true);
program.setBigUint64(8, BigInt(addressOf(filter)), true);
check(sys(NR.prctl, PR_SET_NO_NEW_PRIVS, 1), "set no_new_privs");
check(sys(NR.seccomp, SECCOMP_SET_MODE_FILTER, 0, new Uint8Array(program.buffer)), "load the seccomp filter");

const answers = {
  unshare: sys(NR.unshare, CLONE_NEWUSER),
  clone3: sys(NR.clone3, 0, 0),
  mount: sys(NR.mount, cstr("none"), cstr("/proc/self/nowhere"), cstr("tmpfs")),
  newer: sys(700),
  alg: sys(NR.socket, 38, SOCK_SEQPACKET),
  cutAlg: sys(NR.socket, 2 ** 32 + 38, SOCK_SEQPACKET),
  vsock: sys(NR.socket, 40, SOCK_STREAM),
  personality: sys(NR.personality, 0x40000),
  getpid: sys(NR.getpid) === process.pid,
  unix: sys(NR.socket, 1, SOCK_STREAM) > 0,
};
process.stdout.write(JSON.stringify(answers));
