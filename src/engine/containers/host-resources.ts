/** What this host has to give. */
import { readFileSync } from "../../../ffi/fs.ts";

export const hostCpus = (): number => navigator.hardwareConcurrency;

/** Lists as the kernel writes them, `0-3`. */
export const onlineCpus = (): string => readFileSync("/sys/devices/system/cpu/online", "utf8");

/** A kernel without NUMA has node 0 and no list. */
export function onlineNodes(): string {
  try {
    return readFileSync("/sys/devices/system/node/online", "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "0";
    throw error;
  }
}
