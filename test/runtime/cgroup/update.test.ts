/** Updates of limits as data: what is written. */
import { describe, expect, test } from "bun:test";
import { planUpdate } from "../../../src/runtime/cgroup/plan.ts";
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
