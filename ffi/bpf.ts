/** bpf(2): loading a program and attaching it to a cgroup. Layouts from union bpf_attr in linux/bpf.h. */
import { check } from "./errno.ts";
import { Fd } from "./fd.ts";
import { addressOf, sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

export const PROG_TYPE_CGROUP_DEVICE = 15;
export const BPF_CGROUP_DEVICE = 6;

const PROG_LOAD = 5;
const PROG_ATTACH = 8;
/** Programs of the cgroups above keep their say: all must allow. */
const ALLOW_MULTI = 2;

/** Loads machine code (8 bytes an instruction); the kernel verifies it. Throws SysError: EPERM without CAP_BPF, EINVAL for a bad program. */
export function loadProgram(type: number, code: Uint8Array, name: string): Fd {
  const license = Buffer.from("Apache-2.0\0");
  const attr = new Uint8Array(64);
  const view = new DataView(attr.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, code.length / 8, true);
  view.setBigUint64(8, BigInt(addressOf(code)), true);
  view.setBigUint64(16, BigInt(addressOf(license)), true);
  // log_level, log_size, log_buf, kern_version and prog_flags stay 0; the name is 16 bytes with its NUL.
  attr.set(Buffer.from(name.slice(0, 15)), 48);
  // The descriptor is close-on-exec by itself.
  return new Fd(check(sys(NR.bpf, PROG_LOAD, attr, attr.length), `load BPF program ${name}`));
}

/** Attaches a loaded program to the cgroup v2 directory behind `cgroup`; it stays until the cgroup is gone. Throws SysError. */
export function attachToCgroup(cgroup: number, program: number, attachType: number): void {
  check(sys(NR.bpf, PROG_ATTACH, new Uint32Array([cgroup, program, attachType, ALLOW_MULTI]), 16), "attach BPF program to cgroup");
}
