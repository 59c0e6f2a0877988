/** Updates of limits as data: what is written, and in which order. */
import { describe, expect, test } from "bun:test";
import { planUpdate } from "../../../src/runtime/cgroup/plan.ts";
import { inOrder } from "../../../src/runtime/cgroup/update.ts";
import type { Resources } from "../../../src/spec/runtime.ts";
import { hybridHost, undelegatedHost, v1Host, v2Host } from "./hosts.ts";

const request = (resources: Resources) => ({ parent: "hoy", id: "c1", resources, rootless: false });
const words = (host: typeof v1Host, resources: Resources) =>
  planUpdate(host, request(resources)).limits.map(({ path, value }) => `${path.split("/").at(-1)} ${value}`);

describe("what is written", () => {
  const away: Resources = { memory: { limit: 64, swap: -1 }, cpu: { quota: -1 }, pids: { limit: -1 } };
  test("limits are taken away by each version's word", () => {
    for (const host of [v1Host, hybridHost])
      expect(words(host, away)).toEqual([
        "memory.limit_in_bytes 64",
        "memory.memsw.limit_in_bytes -1",
        "cpu.cfs_quota_us -1",
        "pids.max max",
      ]);
    expect(words(v2Host, away)).toEqual(["memory.swap.max max", "memory.max 64", "cpu.max max 100000", "pids.max max"]);
  });
  test("no rules on devices, whatever the spec says", () => expect(words(v1Host, { devices: [{ allow: false }] })).toEqual([]));
  test("a controller that is missing is told", () =>
    expect(() => planUpdate(undelegatedHost, { ...request({ pids: { limit: 5 } }), rootless: true })).toThrow("cannot limit processes"));
});

describe("memory, and memory and swap together", () => {
  const order = (memory: number, both: number, now: number) =>
    inOrder(planUpdate(v1Host, request({ memory: { limit: memory, swap: both } })).limits, () => String(now)).map(({ value }) =>
      Number(value),
    );
  test("raised: both first", () => expect(order(200, 300, 64)).toEqual([300, 200]));
  test("lowered: memory first", () => expect(order(32, 40, 64)).toEqual([32, 40]));
  test("lowered below what memory may be now", () => expect(order(32, 64, 64)).toEqual([32, 64]));
  test("no limit on swap: both first", () => expect(order(200, -1, 64)).toEqual([-1, 200]));
  test("others keep their places", () => {
    const { limits } = planUpdate(v1Host, request({ cpu: { shares: 5 }, pids: { limit: 6 } }));
    expect(inOrder(limits, () => undefined)).toEqual(limits);
  });
});
