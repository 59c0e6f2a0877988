/** What `update` makes of the limits that are and those that are asked for. */
import { describe, expect, test } from "bun:test";
import { planUpdate } from "../../../src/runtime/cgroup/plan.ts";
import { changedResources, mergeResources } from "../../../src/runtime/oci/update.ts";
import type { Resources } from "../../../src/spec/runtime.ts";
import { hybridHost, v1Host, v2Host } from "../cgroup/hosts.ts";

const old: Resources = {
  memory: { limit: 64 << 20, swap: 128 << 20 },
  cpu: { quota: 50_000, period: 100_000, shares: 512 },
  pids: { limit: 10 },
  devices: [{ allow: false, access: "rwm" }],
};

const writes = (host: typeof v1Host, change: Resources): string[] =>
  planUpdate(host, { parent: "p", id: "c", rootless: false, resources: changedResources(mergeResources(old, change), change) }).limits.map(
    ({ path, value }) => `${path.slice(path.lastIndexOf("/") + 1)} ${value}`,
  );

test("what is not given, 0 or empty stays as it is; device rules always", () => {
  const change: Resources = { memory: { limit: 0 }, cpu: { shares: 0, cpus: "" }, pids: { limit: 0 }, devices: [{ allow: true }] };
  expect(mergeResources(old, change)).toEqual({ ...old, blockIO: {} });
  for (const host of [v1Host, v2Host, hybridHost]) expect(writes(host, change)).toEqual([]);
});

test("the container's own config tells of the change", () => {
  expect(mergeResources(old, { memory: { limit: -1 }, cpu: { quota: -1, burst: 0, idle: 0 }, pids: { limit: -1 } })).toMatchObject({
    memory: { limit: -1, swap: -1 },
    cpu: { quota: -1, period: 100_000, shares: 512, burst: 0, idle: 0 },
    pids: { limit: -1 },
  });
});

describe("-1 lifts a limit", () => {
  const change: Resources = { memory: { limit: -1, reservation: -1 }, cpu: { quota: -1 }, pids: { limit: -1 } };
  test("v1", () => {
    expect(writes(v1Host, change)).toEqual([
      "memory.limit_in_bytes -1",
      "memory.memsw.limit_in_bytes -1",
      "memory.soft_limit_in_bytes -1",
      "cpu.cfs_period_us 100000",
      "cpu.cfs_quota_us -1",
      "pids.max max",
    ]);
  });
  test("v2", () => {
    expect(writes(v2Host, change)).toEqual([
      "memory.swap.max max",
      "memory.max max",
      "memory.low max",
      "cpu.max max 100000",
      "pids.max max",
    ]);
  });
});

test("v2 keeps what one file holds together: swap without memory, the period with the quota", () => {
  expect(writes(v2Host, { memory: { limit: 100 << 20 }, cpu: { quota: 20_000 } })).toEqual([
    `memory.swap.max ${28 << 20}`,
    `memory.max ${100 << 20}`,
    "cpu.max 20000 100000",
  ]);
  expect(writes(v2Host, { cpu: { period: 50_000, burst: 0 } })).toEqual(["cpu.max 50000 50000", "cpu.max.burst 0"]);
});

test("memory above the limit on both together is refused", () => {
  expect(() => writes(v1Host, { memory: { limit: 256 << 20 } })).toThrow("counts memory and swap together");
});
