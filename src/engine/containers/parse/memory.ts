/** `-m`, `--memory-swap` and their like: the rules of Docker's daemon (verifyPlatformContainerResources). */
import type { ResourceConfig } from "../options.ts";
import { invalid } from "./invalid.ts";
import { parseInteger, parseSize } from "./numbers.ts";

const MINIMUM = 6 << 20;

/** `--memory-swap` takes -1 for "no limit" besides a size. */
export const parseSwap = (text: string): number => (text === "-1" ? -1 : parseSize(text));

/** Memory and memory+swap in bytes; 0 is "not given", -1 for swap "no limit". */
export function checkMemory(memory: number, swap: number): void {
  if (memory !== 0 && memory < MINIMUM) throw invalid("Minimum memory limit allowed is 6MB");
  if (memory > 0 && swap > 0 && swap < memory) throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (memory === 0 && swap > 0) throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
}

/** `--memory-reservation` and `--memory-swappiness`. */
export function checkReservation({ Memory, MemoryReservation }: Pick<ResourceConfig, "Memory" | "MemoryReservation">): void {
  if (MemoryReservation > 0 && MemoryReservation < MINIMUM) throw invalid("Minimum memory reservation allowed is 6MB");
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation)
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
}

/** 0 to 100; -1 is "not given", null. */
export function parseSwappiness(text: string): number | null {
  const value = parseInteger(text);
  if (value < -1 || value > 100) throw invalid(`invalid value: ${value}. Valid memory swappiness range is 0-100`);
  return value === -1 ? null : value;
}

/** The limit on memory and swap together that Docker stores: twice the memory where only that was given. */
export const effectiveSwap = (memory: number, swap: number): number => (memory > 0 && swap === 0 ? memory * 2 : swap);
