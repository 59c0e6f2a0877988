/** New limits over old ones, with docker 28's errors. */
import { describe, expect, test } from "bun:test";
import { type LimitConfig, noLimits } from "../../../src/engine/containers/options.ts";
import { changedLimits, mergeLimits } from "../../../src/engine/containers/update-limits.ts";

const M = 1 << 20;
const limits = (more: Partial<LimitConfig>): LimitConfig => ({ ...noLimits(), ...more });

test("what is given replaces, the rest stays", () => {
  const own = limits({ Memory: 64 * M, MemorySwap: 128 * M, CpusetCpus: "0-1", PidsLimit: 5 });
  expect(mergeLimits(own, limits({ Memory: 32 * M, CpuShares: 7 }))).toEqual({ ...own, Memory: 32 * M, CpuShares: 7 });
  expect(mergeLimits(own, limits({ PidsLimit: -1 })).PidsLimit).toBeNull();
  expect(mergeLimits(own, limits({ PidsLimit: 0 })).PidsLimit).toBeNull();
  expect(mergeLimits(own, limits({})).PidsLimit).toBe(5);
});

describe("refused", () => {
  test.each<[Partial<LimitConfig>, Partial<LimitConfig>, string]>([
    [{ CpuPeriod: 1000 }, { NanoCpus: 1e9 }, "conflicting options: Nano CPUs cannot be updated as CPU Period has already been set"],
    [{ CpuQuota: 1000 }, { NanoCpus: 1e9 }, "conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"],
    [{ NanoCpus: 1e9 }, { CpuPeriod: 1000 }, "conflicting options: CPU Period cannot be updated as NanoCPUs has already been set"],
    [{ NanoCpus: 1e9 }, { CpuQuota: 1000 }, "conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set"],
    [
      { Memory: M, MemorySwap: 2 * M },
      { Memory: 3 * M },
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    ],
  ])("%j + %j", (own, change, message) => expect(() => mergeLimits(limits(own), limits(change))).toThrow(new Error(message)));
  test("swap without a limit is above any", () =>
    expect(mergeLimits(limits({ Memory: M, MemorySwap: -1 }), limits({ Memory: 3 * M })).Memory).toBe(3 * M));
});

test("only what is touched is written, with what belongs to it", () => {
  const change = limits({ Memory: 32 * M, CpuQuota: -1, PidsLimit: -1 });
  const merged = mergeLimits(limits({ MemorySwap: 128 * M, CpuPeriod: 5000, CpuShares: 7, PidsLimit: 5 }), change);
  expect(changedLimits(merged, change)).toEqual({
    ...noLimits(),
    Memory: 32 * M,
    MemorySwap: 128 * M,
    CpuPeriod: 5000,
    CpuQuota: -1,
    PidsLimit: -1,
  });
});
