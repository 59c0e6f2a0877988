/** Comparisons of a system call's arguments, which are 64 bits wide where BPF has 32. */
import type { SeccompArg } from "../../spec/runtime.ts";
import { and, jump, load, type Program, type Target } from "./assemble.ts";

/** struct seccomp_data: nr, arch, instruction_pointer, args[6]; both architectures are little-endian. */
const ARGUMENTS = 16;

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);

interface Comparison {
  argument: SeccompArg;
  /** With 32 the upper half counts on neither side. */
  bits: 32 | 64;
  yes: Target;
  no: Target;
}

/** Code that goes to `yes` where the argument compares as wanted, to `no` elsewhere. */
export function compare(program: Program, { argument, bits, yes, no }: Comparison): Target {
  const wide = bits === 64;
  const offset = ARGUMENTS + argument.index * 8;
  const value = BigInt(argument.value);
  const [upper, lower] = [high(value), low(value)];

  const equal = (same: Target, other: Target): Target => {
    const last = load(program, offset, jump(program, "eq", lower, same, other));
    return wide ? load(program, offset + 4, jump(program, "eq", upper, last, other)) : last;
  };
  const above = (test: "gt" | "ge", more: Target, less: Target): Target => {
    const last = load(program, offset, jump(program, test, lower, more, less));
    return wide ? load(program, offset + 4, jump(program, "gt", upper, more, jump(program, "eq", upper, last, less))) : last;
  };
  const masked = (mask: bigint, wanted: bigint): Target => {
    // Bits outside the mask never count, as in libseccomp.
    const bitsWanted = wanted & mask;
    const last = load(program, offset, and(program, low(mask), jump(program, "eq", low(bitsWanted), yes, no)));
    if (!wide || high(mask) === 0) return last;
    return load(program, offset + 4, and(program, high(mask), jump(program, "eq", high(bitsWanted), last, no)));
  };

  switch (argument.op) {
    case "SCMP_CMP_EQ":
      return equal(yes, no);
    case "SCMP_CMP_NE":
      return equal(no, yes);
    case "SCMP_CMP_GT":
      return above("gt", yes, no);
    case "SCMP_CMP_GE":
      return above("ge", yes, no);
    case "SCMP_CMP_LE":
      return above("gt", no, yes);
    case "SCMP_CMP_LT":
      return above("ge", no, yes);
    case "SCMP_CMP_MASKED_EQ":
      return masked(value, BigInt(argument.valueTwo ?? 0));
  }
}
