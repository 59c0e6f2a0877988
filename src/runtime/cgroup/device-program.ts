/**
 * Device rules for cgroup v2: a BPF program of type CGROUP_DEVICE, run by the kernel at each mknod and open of a device
 * (Documentation/admin-guide/cgroup-v2.rst, "Device controller"; struct bpf_cgroup_dev_ctx in linux/bpf.h).
 */
import { attachToCgroup, BPF_CGROUP_DEVICE, loadProgram, PROG_TYPE_CGROUP_DEVICE } from "../../../ffi/bpf.ts";
import { accessOf, type DeviceList, isWild, typeOf } from "./devices.ts";

const MKNOD = 1;
const READ = 2;
const WRITE = 4;
const BLOCK = 1;
const CHAR = 2;

/** One instruction: opcode, destination and source register, jump offset, immediate. */
interface Instruction {
  code: number;
  dst: number;
  src?: number;
  off?: number;
  imm?: number;
}

const LDX_W = 0x61;
const MOV_IMM = 0xb7;
const MOV_REG = 0xbf;
const AND_IMM = 0x57;
const RSH_IMM = 0x77;
const JNE_IMM = 0x55;
const JEQ_IMM = 0x15;
const EXIT = 0x95;

// Registers: r1 the context; r2 the device's type, r3 the accesses not yet decided, r4 major, r5 minor; r0 the verdict; r6 scratch.
const prologue: Instruction[] = [
  { code: LDX_W, dst: 2, src: 1, off: 0 },
  { code: MOV_REG, dst: 3, src: 2 },
  { code: AND_IMM, dst: 2, imm: 0xffff },
  { code: RSH_IMM, dst: 3, imm: 16 },
  { code: LDX_W, dst: 4, src: 1, off: 4 },
  { code: LDX_W, dst: 5, src: 1, off: 8 },
];

const verdict = (allow: boolean): Instruction[] => [
  { code: MOV_IMM, dst: 0, imm: allow ? 1 : 0 },
  { code: EXIT, dst: 0 },
];

function accessBits(access: string): number {
  return (access.includes("m") ? MKNOD : 0) | (access.includes("r") ? READ : 0) | (access.includes("w") ? WRITE : 0);
}

/**
 * Compiles a list into BPF machine code. For each access asked for (an open for reading and writing asks two) the last rule that
 * matches decides, as with v1's lists: so rules are tried from the last to the first, one that allows strikes its accesses out,
 * one that denies an access still open refuses, and the request passes when none is left.
 */
export function deviceProgram(list: DeviceList): Uint8Array {
  const program = [...prologue];
  for (const rule of list.rules.toReversed()) {
    const bits = accessBits(accessOf(rule));
    const body: Instruction[] = rule.allow
      ? [{ code: AND_IMM, dst: 3, imm: ~bits & 7 }, { code: JNE_IMM, dst: 3, imm: 0, off: 2 }, ...verdict(true)]
      : [
          { code: MOV_REG, dst: 6, src: 3 },
          { code: AND_IMM, dst: 6, imm: bits },
          { code: JEQ_IMM, dst: 6, imm: 0, off: 2 },
          ...verdict(false),
        ];
    const tests: Instruction[] = [];
    const type = typeOf(rule);
    if (type !== "a") tests.push({ code: JNE_IMM, dst: 2, imm: type === "b" ? BLOCK : CHAR });
    if (!isWild(rule.major)) tests.push({ code: JNE_IMM, dst: 4, imm: rule.major as number });
    if (!isWild(rule.minor)) tests.push({ code: JNE_IMM, dst: 5, imm: rule.minor as number });
    // A test that fails jumps behind the body.
    for (const [at, test] of tests.entries()) test.off = tests.length - at - 1 + body.length;
    program.push(...tests, ...body);
  }
  program.push(...verdict(list.allowAll));
  return assemble(program);
}

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [at, { code, dst, src = 0, off = 0, imm = 0 }] of program.entries()) {
    view.setUint8(at * 8, code);
    view.setUint8(at * 8 + 1, (src << 4) | dst);
    view.setInt16(at * 8 + 2, off, true);
    view.setInt32(at * 8 + 4, imm, true);
  }
  return bytes;
}

/** Loads the program and attaches it to the cgroup v2 directory behind the descriptor. Throws SysError. */
export function attachDevices(cgroup: number, program: Uint8Array): void {
  using loaded = loadProgram(PROG_TYPE_CGROUP_DEVICE, program, "hoy_devices");
  attachToCgroup(cgroup, loaded.number, BPF_CGROUP_DEVICE);
}
