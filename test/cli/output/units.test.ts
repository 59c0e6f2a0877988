/** The cases of github.com/docker/go-units' own tests, and some more. */
import { describe, expect, test } from "bun:test";
import { ellipsis, shortId } from "../../../src/cli/output/ellipsis.ts";
import { bytesSize, humanDuration, humanSize } from "../../../src/cli/output/units.ts";

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

describe("humanDuration", () => {
  const cases: [number, string][] = [
    [450, "Less than a second"],
    [S, "1 second"],
    [47 * S, "47 seconds"],
    [M, "About a minute"],
    [M + 45 * S, "About a minute"],
    [3 * M + 30 * S, "3 minutes"],
    [45 * M, "45 minutes"],
    [H - S, "59 minutes"],
    [H, "About an hour"],
    [H + 29 * M, "About an hour"],
    [H + 31 * M, "2 hours"],
    [3 * H, "3 hours"],
    [24 * H, "24 hours"],
    [47 * H, "47 hours"],
    [2 * D, "2 days"],
    [7 * D, "7 days"],
    [13 * D + 5 * H, "13 days"],
    [14 * D, "2 weeks"],
    [35 * D, "5 weeks"],
    [84 * D, "2 months"],
    [365 * D, "12 months"],
    [3 * 365 * D, "3 years"],
  ];
  for (const [time, text] of cases) test(`${time} ms`, () => expect(humanDuration(time)).toBe(text));
});

test("humanSize counts in thousands", () => {
  expect([1000, 1024, 1_000_000, 1_048_576, 2 * 1e6, 3.42 * 1e9, 5.372 * 1e12, 2.22 * 1e15].map((n) => humanSize(n))).toEqual([
    "1kB",
    "1.024kB",
    "1MB",
    "1.049MB",
    "2MB",
    "3.42GB",
    "5.372TB",
    "2.22PB",
  ]);
  expect([humanSize(0), humanSize(999), humanSize(1_982_464, 3), humanSize(999_999, 3)]).toEqual(["0B", "999B", "1.98MB", "1e+03kB"]);
});

test("bytesSize counts in 1024s", () => {
  expect([1024, 1_048_576, 2 * 1_048_576, 3.42 * 1024 ** 3].map(bytesSize)).toEqual(["1KiB", "1MiB", "2MiB", "3.42GiB"]);
});

test("texts are cut to their width", () => {
  expect([ellipsis("12345", 5), ellipsis("123456", 5), ellipsis("ééééé!", 5)]).toEqual(["12345", "1234…", "éééé…"]);
  expect([shortId(`sha256:${"ab".repeat(32)}`), shortId("ab".repeat(32))]).toEqual(["abababababab", "abababababab"]);
});
