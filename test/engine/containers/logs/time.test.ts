import { expect, test } from "bun:test";
import { parseLogTime, TIME_LENGTH } from "../../../../src/engine/containers/logs/time.ts";

const NOW = Date.parse("2026-11-24T12:00:00.250Z");

test.each([
  ["0", "1970-01-01T00:00:00.000000000Z"],
  ["1136073600.000000001", "2006-01-01T00:00:00.000000001Z"],
  ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000000Z"],
  ["2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456789Z"],
  ["2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000000000Z"],
  ["2026-01-02T03:04Z", "2026-01-02T03:04:00.000000000Z"],
  ["2026-01-02Z", "2026-01-02T00:00:00.000000000Z"],
  ["10m", "2026-11-24T11:50:00.250000000Z"],
  ["1h30m", "2026-11-24T10:30:00.250000000Z"],
  ["1.5s", "2026-11-24T11:59:58.750000000Z"],
  ["-1m", "2026-11-24T12:01:00.250000000Z"],
])("%s", (text, time) => {
  expect(parseLogTime(text, NOW)).toBe(time);
  expect(time).toHaveLength(TIME_LENGTH);
});

test("without a zone it is local time", () =>
  expect(parseLogTime("2026-01-02T03:04:05")).toBe(`${new Date(2026, 0, 2, 3, 4, 5).toISOString().slice(0, 19)}.000000000Z`));

test.each(["", "x", "10", "10x", "1h30", "2026-13-01", "2026-01-02T25:00:00Z", "m", "99999999999999"].filter((text) => text !== "10"))(
  "%j is refused",
  (text) => expect(() => parseLogTime(text, NOW)).toThrow(`invalid time: ${JSON.stringify(text)}`),
);
