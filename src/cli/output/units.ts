/** Sizes and times as people read them (github.com/docker/go-units), exact to the letter. */

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

function scaled(bytes: number, { base, digits, units }: { base: number; digits: number; units: readonly string[] }): string {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  return `${general(size, digits)}${units[unit]}`;
}

/** Go's %.ng: as many digits as asked for, an exponent when the number has more of them. */
function general(value: number, digits: number): string {
  const exponent = value === 0 ? 0 : Number(value.toExponential(digits - 1).split("e")[1]);
  if (exponent < digits) return String(Number(value.toPrecision(digits)));
  const [mantissa = ""] = value.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}e+${String(exponent).padStart(2, "0")}`;
}

/** `1.234MB`: steps of 1000; Docker shows three digits for images and containers, four elsewhere. */
export const humanSize = (bytes: number, digits = 4): string => scaled(bytes, { base: 1000, digits, units: DECIMAL });

/** `1.177MiB`: steps of 1024. */
export const bytesSize = (bytes: number): string => scaled(bytes, { base: 1024, digits: 4, units: BINARY });

/** `About a minute`, `3 hours`: the time in words, from milliseconds. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(milliseconds / 3_600_000 / 24 / 365)} years`;
}

const two = (number: number): string => String(number).padStart(2, "0");

/** `2006-01-02 15:04:05 -0700 MST`, Go's print of a time in seconds, in the local zone; from milliseconds since the epoch. */
export function localTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const east = -date.getTimezoneOffset();
  const offset = `${east < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`;
  const zone = east === 0 ? "UTC" : zoneName(date, offset);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${offset} ${zone}`;
}

/** The zone's short name as the C library has it; Go prints the offset where there is none. */
function zoneName(date: Date, offset: string): string {
  const name = /\(([^)]+)\)$/.exec(date.toString())?.[1] ?? "";
  if (/^[A-Z]{2,5}$/.test(name)) return name;
  const letters = name.split(" ").map((word) => word[0] ?? "");
  return letters.length > 1 ? letters.join("") : offset.replace(/00$/, "");
}
