/** `--since` and `--until` (moby api/types/time, GetTimestamp), as the 30 characters that a log has: they sort as text. */
import { invalid } from "../parse/invalid.ts";

/** `2026-01-01T00:00:00.000000000Z`. */
export const TIME_LENGTH = 30;

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)/;

/**
 * Reads a time: seconds since the epoch with up to nine decimals, a date with or without time and zone (local where there is none),
 * or a duration back from now (`10m`, `1h30m`). Throws HoyError for anything else.
 */
export function parseLogTime(text: string, now = Date.now()): string {
  const seconds = /^(-?\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds) return stamp(Number(seconds[1]) * 1000, (seconds[2] ?? "").padEnd(9, "0"), text);
  if (DURATION.test(text)) return milliseconds(now - parseDuration(text), text);
  const date = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d))?(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!date) throw bad(text);
  const [, day, hour = "00", minute = "00", second = "00", fraction = "", zone, bareZone] = date;
  const time = Date.parse(`${day}T${hour}:${minute}:${second}${zone ?? bareZone ?? ""}`);
  return stamp(time, fraction.padEnd(9, "0"), text);
}

const bad = (text: string) =>
  invalid(`invalid time: ${JSON.stringify(text)}`, "give a date (2026-01-31T12:00:00Z), a duration (10m) or seconds since the epoch");

/** Milliseconds in a duration of Go's: `1h30m`. Throws HoyError. */
export function parseDuration(text: string): number {
  const negative = text.startsWith("-");
  let rest = negative ? text.slice(1) : text;
  let total = 0;
  while (rest !== "") {
    const match = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/.exec(rest);
    if (!match) throw bad(text);
    total += Number(match[1]) * (UNITS[match[2] as string] as number);
    rest = rest.slice(match[0].length);
  }
  return negative ? -total : total;
}

function milliseconds(time: number, text: string): string {
  const whole = Math.floor(time);
  return stamp(
    Math.floor(whole / 1000) * 1000,
    String(((whole % 1000) + 1000) % 1000)
      .padStart(3, "0")
      .padEnd(9, "0"),
    text,
  );
}

function stamp(time: number, nanoseconds: string, text: string): string {
  // Years that need more than four digits would not sort as text.
  if (Number.isNaN(time) || time < -62_135_596_800_000 || time >= 253_402_300_800_000) throw bad(text);
  return `${new Date(time).toISOString().slice(0, 19)}.${nanoseconds}Z`;
}
