/**
 * Filters as runc has libseccomp make them (libcontainer/seccomp/seccomp_linux.go), through the library itself: the oracle for our
 * own compiler. Only `oracle.test.ts` uses it, and hoy never loads it.
 */
import { dlopen, FFIType, type Pointer } from "bun:ffi";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { returnValue } from "../../../src/runtime/seccomp/actions.ts";
import { type Machine, NATIVE } from "../../../src/runtime/seccomp/profile.ts";
import type { SyscallTable } from "../../../src/runtime/seccomp/syscalls.ts";
import type { Seccomp, SeccompArg } from "../../../src/spec/runtime.ts";

const { ptr, i32, u32 } = FFIType;

const open = () =>
  dlopen("libseccomp.so.2", {
    seccomp_api_set: { args: [u32], returns: i32 },
    seccomp_init: { args: [u32], returns: ptr },
    seccomp_release: { args: [ptr], returns: FFIType.void },
    seccomp_arch_add: { args: [ptr, u32], returns: i32 },
    seccomp_arch_remove: { args: [ptr, u32], returns: i32 },
    seccomp_rule_add_array: { args: [ptr, u32, i32, u32, ptr], returns: i32 },
    seccomp_syscall_resolve_name: { args: [ptr], returns: i32 },
    seccomp_syscall_resolve_name_arch: { args: [u32, ptr], returns: i32 },
    seccomp_export_bpf: { args: [ptr, i32], returns: i32 },
  }).symbols;

/** The level of the API (seccomp_api_get(3)) that knows KILL_PROCESS, LOG and NOTIFY, whatever the kernel under the test knows. */
const LEVEL = 5;

let library: ReturnType<typeof open> | undefined;

function load(): ReturnType<typeof open> {
  if (!library) {
    library = open();
    library.seccomp_api_set(LEVEL);
  }
  return library;
}

/** SCMP_ARCH_* are the kernel's AUDIT_ARCH_*, but for x32, which has none of its own. */
const ARCHES: Record<string, number> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
};

const TABLES: Record<SyscallTable, string> = {
  x86_64: "SCMP_ARCH_X86_64",
  x86: "SCMP_ARCH_X86",
  x32: "SCMP_ARCH_X32",
  arm64: "SCMP_ARCH_AARCH64",
  arm: "SCMP_ARCH_ARM",
};

const OPERATORS = ["", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"];

const text = (name: string): Uint8Array => Buffer.from(`${name}\0`);

/** The library's number of a call on one ABI; undefined where it knows none. Negative ones stand for a door such as socketcall. */
export function numberOf(table: SyscallTable, name: string): number | undefined {
  const number = load().seccomp_syscall_resolve_name_arch(ARCHES[TABLES[table]] as number, text(name));
  return number === -1 ? undefined : number;
}

/** struct scmp_arg_cmp[] */
function comparisons(args: readonly SeccompArg[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(24 * args.length, 24));
  const view = new DataView(bytes.buffer);
  args.forEach(({ index, value, valueTwo = 0, op }, at) => {
    view.setUint32(at * 24, index, true);
    view.setInt32(at * 24 + 4, OPERATORS.indexOf(op), true);
    view.setBigUint64(at * 24 + 8, BigInt(value), true);
    view.setBigUint64(at * 24 + 16, BigInt(valueTwo), true);
  });
  return bytes;
}

function check(code: number, what: string): void {
  if (code !== 0) throw new Error(`libseccomp: ${what}: ${code}`);
}

/** As runc's matchCall: several conditions on one argument become a rule each. */
function addRules(context: Pointer, seccomp: Seccomp): void {
  const library = load();
  const fallback = returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  for (const { names, action: word, errnoRet, args = [] } of seccomp.syscalls ?? []) {
    const action = returnValue(word, errnoRet);
    if (action === fallback) continue;
    const repeated = new Set(args.map(({ index }) => index)).size < args.length;
    for (const name of names) {
      const number = library.seccomp_syscall_resolve_name(text(name));
      if (number === -1) continue;
      for (const rule of repeated ? args.map((one) => [one]) : [args])
        check(library.seccomp_rule_add_array(context, action, number, rule.length, comparisons(rule)), `${word} ${name}`);
    }
  }
}

/** The filter as struct sock_filter[]. Throws where the library refuses a rule. */
export function libseccompFilter(seccomp: Seccomp, machine: Machine): Uint8Array {
  const library = load();
  const context = library.seccomp_init(returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet)) as Pointer | null;
  if (!context) throw new Error(`libseccomp: seccomp_init ${seccomp.defaultAction}`);
  const dir = mkdtempSync(join(tmpdir(), "hoy-bpf-"));
  try {
    const wanted = new Set([NATIVE[machine], ...(seccomp.architectures ?? [])]);
    const own = NATIVE[process.arch === "arm64" ? "arm64" : "amd64"];
    for (const name of wanted) if (name !== own) check(library.seccomp_arch_add(context, ARCHES[name] as number), `add ${name}`);
    if (!wanted.has(own)) check(library.seccomp_arch_remove(context, ARCHES[own] as number), `remove ${own}`);
    addRules(context, seccomp);
    const path = join(dir, "filter");
    const fd = openSync(path, "w");
    check(library.seccomp_export_bpf(context, fd), "export");
    closeSync(fd);
    return new Uint8Array(readFileSync(path));
  } finally {
    library.seccomp_release(context);
    rmSync(dir, { recursive: true, force: true });
  }
}
