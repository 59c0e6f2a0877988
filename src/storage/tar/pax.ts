/** PAX extended headers (POSIX.1 pax, "pax Extended Header"): records of `<length> <key>=<value>\n`. */
import { decodeName, encodeName } from "../../../ffi/names.ts";
import { corrupt } from "./entry.ts";

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/** Values by key, in order; a key may come twice, which GNU's sparse format 0.0 uses. */
export type PaxRecords = [key: string, value: Buffer][];

/** Reads all records of one extended header. Throws HoyError on a malformed one. */
export function parsePax(body: Buffer): PaxRecords {
  const records: PaxRecords = [];
  for (let at = 0; at < body.length; ) {
    // Some writers pad with NULs instead of giving the exact size.
    if (body[at] === 0) break;
    const space = body.indexOf(SPACE, at);
    const digits = space > at && space - at <= 10 ? body.toString("latin1", at, space) : "";
    const length = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length < digits.length + 3 || end > body.length || body[end - 1] !== NEWLINE) throw corrupt("", "malformed extended header");
    const equals = body.indexOf(EQUALS, space);
    if (equals <= space + 1 || equals >= end) throw corrupt("", "malformed extended header");
    records.push([decodeName(body, space + 1, equals), Buffer.from(body.subarray(equals + 1, end - 1))]);
    at = end;
  }
  return records;
}

/** One record; its length counts its own digits. */
export function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const content = Buffer.concat([
    Buffer.from(" "),
    encodeName(key),
    Buffer.from("="),
    Buffer.from(typeof value === "string" ? encodeName(value) : value),
    Buffer.from("\n"),
  ]);
  let length = content.length + String(content.length).length;
  length = content.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), content]);
}

const TIME = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/;

/** Seconds with a fraction → nanoseconds; finer digits are cut off. Undefined when it is no time. */
export function parsePaxTime(text: string): bigint | undefined {
  const match = TIME.exec(text);
  if (!match) return undefined;
  const ns = BigInt(match[2] as string) * 1_000_000_000n + BigInt((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  return match[1] ? -ns : ns;
}

/** Nanoseconds → seconds with a fraction where there is one. */
export function formatPaxTime(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const absolute = ns < 0n ? -ns : ns;
  const fraction = (absolute % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${absolute / 1_000_000_000n}${fraction ? `.${fraction}` : ""}`;
}
