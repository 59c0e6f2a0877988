/** `--cpus`, `--cpu-period` and its like, `--cpuset-cpus`, `--cpuset-mems`. */
import type { ResourceConfig } from "../options.ts";
import { invalid } from "./invalid.ts";

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2}))?$/;
const FRACTION = /^([+-]?\d+)\/(\d+)$/;

/** Billionths of a CPU in `1.5`, `.5`, `1e1` or `3/2` (Go's big.Rat); more than nine decimals are refused. */
export function parseCpus(text: string): number {
  const nano = parseFraction(text) ?? parseDecimal(text);
  if (nano === undefined) throw invalid(`failed to parse ${text} as a rational number`);
  if (!Number.isInteger(nano)) throw invalid("value is too precise");
  return nano;
}

function parseFraction(text: string): number | undefined {
  const match = FRACTION.exec(text);
  if (!match || Number(match[2]) === 0) return undefined;
  return (Number(match[1]) * 1e9) / Number(match[2]);
}

function parseDecimal(text: string): number | undefined {
  const match = DECIMAL.exec(text);
  const [, sign, whole = "", decimals = "", exponent = "0"] = match ?? [];
  if (!match || whole + decimals === "") return undefined;
  // Digits are shifted as text: 0.1 * 1e9 and its like would not be exact.
  const shift = 9 + Number(exponent) - decimals.length;
  const digits = (whole + decimals).replace(/^0+/, "");
  if (digits === "") return 0;
  const shifted = shift >= 0 ? digits + "0".repeat(shift) : digits.slice(0, shift) || "0";
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) return Number.NaN;
  return Number(shifted) * (sign === "-" ? -1 : 1);
}

/** Docker's daemon: `--cpus` lies between 0.01 and what the host has. */
export function checkCpus(nanoCpus: number, hostCpus: number): void {
  if (nanoCpus < 0 || nanoCpus > hostCpus * 1e9 || (nanoCpus > 0 && nanoCpus < 1e7))
    throw invalid(`range of CPUs is from 0.01 to ${hostCpus}.00, as there are only ${hostCpus} CPUs available`);
}

/** The numbers in a list such as `0-2,4` (cpuset(7), "List format"); undefined when it is none. */
export function parseCpuList(text: string): Set<number> | undefined {
  const cpus = new Set<number>();
  if (text === "") return cpus;
  for (const part of text.split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (!match) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > 8192) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return cpus;
}

/** Every CPU of `--cpuset-cpus` must be one that the host offers (`available`, the kernel's list). */
export function checkCpuset(text: string, available: string): void {
  if (!isOffered(text, available, "cpuset cpus"))
    throw invalid(`Requested CPUs are not available - requested ${text}, available: ${available.trim()}`);
}

/** The same for the memory nodes of `--cpuset-mems`. */
export function checkMemset(text: string, available: string): void {
  if (!isOffered(text, available, "cpuset mems"))
    throw invalid(`Requested memory nodes are not available - requested ${text}, available: ${available.trim()}`);
}

function isOffered(text: string, available: string, what: string): boolean {
  const asked = parseCpuList(text);
  if (!asked) throw invalid(`Invalid value ${text} for ${what}`);
  const has = parseCpuList(available.trim());
  return !has || [...asked].every((number) => has.has(number));
}

type CpuTimes = Pick<ResourceConfig, "NanoCpus" | "CpuPeriod" | "CpuQuota" | "CpuRealtimePeriod" | "CpuRealtimeRuntime">;

/** `--cpus` is a quota and a period in other words; both of them are microseconds. */
export function checkCpuTimes(times: CpuTimes): void {
  const { NanoCpus, CpuPeriod, CpuQuota, CpuRealtimePeriod, CpuRealtimeRuntime } = times;
  if (NanoCpus > 0 && CpuPeriod > 0) throw invalid("conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (NanoCpus > 0 && CpuQuota > 0) throw invalid("conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (CpuQuota > 0 && CpuQuota < 1000) throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  if (CpuRealtimePeriod !== 0 && CpuRealtimeRuntime > CpuRealtimePeriod)
    throw invalid("cpu real-time runtime cannot be higher than cpu real-time period");
}
