/** `-m`, `--memory-swap` and `--shm-size`: the rules of Docker's daemon (verifyPlatformContainerResources). */
import { invalid } from "./invalid.ts";
import { parseSize } from "./numbers.ts";

const MINIMUM = 6 << 20;

/** `--memory-swap` takes -1 for "no limit" besides a size. */
export const parseSwap = (text: string): number => (text === "-1" ? -1 : parseSize(text));

/** Memory and memory+swap in bytes; 0 is "not given", -1 for swap "no limit". */
export function checkMemory(memory: number, swap: number): void {
  if (memory !== 0 && memory < MINIMUM) throw invalid("Minimum memory limit allowed is 6MB");
  if (memory > 0 && swap > 0 && swap < memory) throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (memory === 0 && swap > 0) throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
}

/** The limit on memory and swap together that Docker stores: twice the memory where only that was given. */
export const effectiveSwap = (memory: number, swap: number): number => (memory > 0 && swap === 0 ? memory * 2 : swap);
