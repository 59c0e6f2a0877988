/** When a container that has ended starts again, and how `--restart` is written. */
import { describe, expect, test } from "bun:test";
import { parseRestart } from "../../../src/engine/containers/parse/restart.ts";
import { type EndFacts, nextRestart } from "../../../src/engine/containers/restart-policy.ts";

const next = (policy: string, facts: Partial<EndFacts> = {}): number | undefined =>
  nextRestart({ policy: parseRestart(policy), exitCode: 1, stopped: false, count: 0, delay: 0, ran: 1, ...facts });

describe("a restart", () => {
  test("follows from policy, exit code and count", () => {
    expect(next("no")).toBeUndefined();
    expect(next("always", { exitCode: 0 })).toBe(100);
    expect(next("unless-stopped", { exitCode: 0 })).toBe(100);
    expect(next("on-failure")).toBe(100);
    expect(next("on-failure", { exitCode: 0 })).toBeUndefined();
    expect(next("on-failure", { count: 1000 })).toBe(100);
    expect(next("on-failure:2", { count: 1 })).toBe(100);
    expect(next("on-failure:2", { count: 2 })).toBeUndefined();
  });

  test("is none after a stop", () => {
    for (const policy of ["always", "unless-stopped", "on-failure"]) expect(next(policy, { stopped: true })).toBeUndefined();
  });

  test("is put off twice as long each time, a minute at most, and at first again after ten seconds", () => {
    const delays = [];
    for (let delay = 0; delays.length < 12; delays.push(delay)) delay = next("always", { delay }) ?? -1;
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
    expect(next("always", { delay: 60_000, ran: 9_999 })).toBe(60_000);
    expect(next("always", { delay: 60_000, ran: 10_000 })).toBe(100);
  });
});

test("--restart in Docker's words", () => {
  expect(parseRestart("")).toEqual({ Name: "no", MaximumRetryCount: 0 });
  expect(parseRestart("on-failure:5")).toEqual({ Name: "on-failure", MaximumRetryCount: 5 });
  expect(parseRestart("always:0")).toEqual({ Name: "always", MaximumRetryCount: 0 });
  const wrong: [text: string, message: string][] = [
    [":1", "invalid restart policy format: no policy provided before colon"],
    ["on-failure:", "invalid restart policy format: maximum retry count must be an integer"],
    ["on-failure:1:2", "invalid restart policy format: maximum retry count must be an integer"],
    ["on-failure:-1", "invalid restart policy: maximum retry count cannot be negative"],
    ["always:1", "invalid restart policy: maximum retry count can only be used with 'on-failure'"],
    ["no:-1", "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative"],
    ["x", "invalid restart policy: unknown policy 'x'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"],
  ];
  for (const [text, message] of wrong) expect(() => parseRestart(text)).toThrow(message);
});
