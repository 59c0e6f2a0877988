/** linux.memoryPolicy: from which nodes a NUMA machine gives memory (config-linux.md, "Memory Policy"; set_mempolicy(2)). */
import { NR } from "../../../ffi/syscalls.ts";
import type { Part, Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Linux } from "../../spec/runtime.ts";
import { bitMask, parseNumberList } from "../number-list.ts";

export const MEMORY_MODES: Readonly<Record<string, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
};
export const MEMORY_FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_STATIC_NODES: 1 << 15,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_NUMA_BALANCING: 1 << 13,
};

function known(table: Readonly<Record<string, number>>, name: string, member: string): number {
  const number = table[name];
  if (number === undefined) throw new HoyError(`linux.memoryPolicy.${member}: unknown value ${name}`, { status: 400 });
  return number;
}

/** Which nodes a mode takes, and whether it takes any, is the kernel's to judge. It holds over execve. */
export function planMemoryPolicy(tape: Tape, part: Part, policy: Linux["memoryPolicy"]): void {
  if (!policy) return;
  const flags = (policy.flags ?? []).reduce((all, name) => all | known(MEMORY_FLAGS, name, "flags"), 0);
  const mode = known(MEMORY_MODES, policy.mode, "mode") | flags;
  const nodes = parseNumberList(policy.nodes ?? "", "linux.memoryPolicy.nodes");
  const mask = bitMask(nodes);
  // the kernel looks at one bit less than it is told of
  const given = nodes.length > 0 ? [tape.bytes(mask), mask.length * 8 + 1] : [0, 0];
  part.op(`set the memory policy ${policy.mode}`, NR.set_mempolicy, [mode, ...given]);
}
