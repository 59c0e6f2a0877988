/**
 * OCI resources as properties of a unit (systemd.resource-control(5)), as runc 1.3 translates them: what systemd has no property
 * for is written to the cgroup's files alone.
 */

import { HoyError } from "../../spec/error.ts";
import type { Resources } from "../../spec/runtime.ts";
import { checkSwap } from "../cgroup/limits.ts";
import { cpuWeight } from "../cgroup/v2.ts";
import { bitMask, parseNumberList } from "../number-list.ts";
import { type Variant, variant } from "./wire.ts";

export type Property = readonly [name: string, value: Variant];

/** systemd's word for no limit. */
export const INFINITY = 0xffff_ffff_ffff_ffffn;

const SECOND_US = 1_000_000;
const DEFAULT_PERIOD_US = 100_000;
/** systemd counts a quota in steps of 10 ms a second. */
const STEP_US = 10_000;

/** A limit on bytes or processes; 0 and undefined say "not asked", a negative one lifts it. */
function* amount(name: string, value: number | undefined): Generator<Property> {
  if (value) yield [name, variant("t", value < 0 ? INFINITY : BigInt(value))];
}

export function* cpuQuota(quota: number | undefined, period: number | undefined, version: number): Generator<Property> {
  // CPUQuotaPeriodUSec is of systemd 242
  if (period && version >= 242) yield ["CPUQuotaPeriodUSec", variant("t", BigInt(period))];
  if (!quota && !period) return;
  const share = quota && quota > 0 ? Math.ceil((quota * SECOND_US) / (period || DEFAULT_PERIOD_US) / STEP_US) * STEP_US : undefined;
  yield ["CPUQuotaPerSecUSec", variant("t", share === undefined ? INFINITY : BigInt(share))];
}

/** AllowedCPUs and AllowedMemoryNodes are of systemd 244. */
function* cpuset(name: string, list: string | undefined, version: number): Generator<Property> {
  if (list && version >= 244) yield [name, variant("ay", bitMask(parseNumberList(list, name)))];
}

/** cgroup v2's own names; systemd has no property for others. */
function* unified(files: Record<string, string>, version: number): Generator<Property> {
  const limit = (file: string, value: string): Variant => {
    const number = value.trim() === "max" ? INFINITY : /^\d+$/.test(value.trim()) ? BigInt(value.trim()) : undefined;
    if (number === undefined) throw new HoyError(`resources.unified: "${value}" is no value for ${file}`);
    return variant("t", number);
  };
  const direct: Record<string, string> = {
    "memory.max": "MemoryMax",
    "memory.high": "MemoryHigh",
    "memory.low": "MemoryLow",
    "memory.min": "MemoryMin",
    "memory.swap.max": "MemorySwapMax",
    "pids.max": "TasksMax",
    "cpu.weight": "CPUWeight",
  };
  for (const [file, value] of Object.entries(files)) {
    const name = direct[file];
    if (name !== undefined) yield [name, limit(file, value)];
    if (file === "cpu.max") {
      const [quota = "max", period = String(DEFAULT_PERIOD_US)] = value.trim().split(/\s+/);
      yield* cpuQuota(quota === "max" ? -1 : Number(quota), Number(period), version);
    }
    if (file === "cpuset.cpus") yield* cpuset("AllowedCPUs", value.trim(), version);
    if (file === "cpuset.mems") yield* cpuset("AllowedMemoryNodes", value.trim(), version);
  }
}

function* v2Properties(resources: Resources, version: number): Generator<Property> {
  const { memory, cpu, pids } = resources;
  if (memory) {
    const { limit, swap, reservation } = memory;
    checkSwap(limit, swap);
    yield* amount("MemoryMax", limit);
    yield* amount("MemoryLow", reservation);
    // v2 counts swap alone, and then 0 is a limit
    if (swap) yield ["MemorySwapMax", variant("t", swap < 0 || !limit || limit < 0 ? INFINITY : BigInt(swap - limit))];
  }
  // a weight of 0 is the idle one, since systemd 252
  if (cpu?.idle === 1 && version >= 252) yield ["CPUWeight", variant("t", 0n)];
  else if (cpu?.shares && cpu.shares > 0) yield ["CPUWeight", variant("t", BigInt(cpuWeight(cpu.shares)))];
  yield* cpuQuota(cpu?.quota, cpu?.period, version);
  yield* cpuset("AllowedCPUs", cpu?.cpus, version);
  yield* cpuset("AllowedMemoryNodes", cpu?.mems, version);
  yield* amount("TasksMax", pids?.limit);
  yield* unified(resources.unified ?? {}, version);
}

function* v1Properties({ memory, cpu, pids, blockIO }: Resources, version: number): Generator<Property> {
  yield* amount("MemoryLimit", memory?.limit);
  if (cpu?.shares && cpu.shares > 0) yield ["CPUShares", variant("t", BigInt(cpu.shares))];
  yield* cpuQuota(cpu?.quota, cpu?.period, version);
  if (blockIO?.weight && blockIO.weight > 0) yield ["BlockIOWeight", variant("t", BigInt(blockIO.weight))];
  yield* amount("TasksMax", pids?.limit);
}

/** `version`: of systemd, which refuses a unit for a single property that it does not know. The last of a name counts. */
export function resourceProperties(resources: Resources, { cgroup, version }: { cgroup: 1 | 2; version: number }): Property[] {
  const all = [...(cgroup === 2 ? v2Properties(resources, version) : v1Properties(resources, version))];
  return [...new Map(all.map((property) => [property[0], property])).values()];
}

export interface ScopeRequest {
  description: string;
  slice: string;
  pid: number;
}

/** What a container's scope is, apart from its limits: its cgroup is ours to divide, and it needs nothing to be there or gone first. */
export const scopeProperties = ({ description, slice, pid }: ScopeRequest): Property[] => [
  ["Description", variant("s", description)],
  ["Slice", variant("s", slice)],
  ["PIDs", variant("au", [pid])],
  ["Delegate", variant("b", true)],
  ["DefaultDependencies", variant("b", false)],
];

/** So that `systemctl status` can tell what it uses. IOAccounting is v2's. */
export const accountingProperties = (cgroup: 1 | 2): Property[] =>
  ["MemoryAccounting", "CPUAccounting", cgroup === 2 ? "IOAccounting" : "BlockIOAccounting", "TasksAccounting"].map((name) => [
    name,
    variant("b", true),
  ]);
