/**
 * The tar writer: plain ustar where everything fits, a PAX header before the member where something does not (long or
 * non-ASCII names, large numbers, nanoseconds, extended attributes), as Go's archive/tar does it.
 */
import { encodeName } from "../../../ffi/names.ts";
import type { TarEntry, TarType } from "./entry.ts";
import { BLOCK, writeChecksum } from "./header.ts";
import { octalLimit, writeOctal } from "./numbers.ts";
import { formatPaxTime, paxRecord } from "./pax.ts";
import type { ByteSource } from "./reader.ts";

/** What to write about a member: the name and the type, and whatever differs from the defaults. */
export type TarInput = Partial<Omit<TarEntry, "extents" | "flag">> & { name: string; type: TarType };

const flags: Record<TarType, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
  other: "0",
};

const SECOND = 1_000_000_000n;

/** Splits a long name at a slash into ustar's prefix (155 bytes) and name (100 bytes); undefined when it does not fit. */
function splitName(name: Buffer): { prefix: Buffer; name: Buffer } | undefined {
  if (name.length <= 100) return { prefix: name.subarray(0, 0), name };
  if (name.length > 256) return undefined;
  const slash = name.lastIndexOf(0x2f, Math.min(155, name.length - 2));
  if (slash <= 0 || name.length - slash - 1 > 100) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

const isAscii = (bytes: Buffer): boolean => bytes.every((byte) => byte < 0x80);

/** Header blocks of a member, PAX header included. Its body and `tarPadding` of its size follow. */
export function tarHeader(input: TarInput): Buffer {
  const records: Buffer[] = [];
  const name = encodeName(input.name);
  const link = encodeName(input.linkName ?? "");
  const size = input.type === "file" ? (input.size ?? 0) : 0;
  const mtime = input.mtime ?? 0n;
  const block = Buffer.alloc(BLOCK);
  const fits = isAscii(name) ? splitName(name) : undefined;
  if (fits) {
    fits.name.copy(block, 0);
    fits.prefix.copy(block, 345);
  } else {
    name.copy(block, 0, 0, 100);
    records.push(paxRecord("path", name));
  }
  if (link.length <= 100 && isAscii(link)) link.copy(block, 157);
  else {
    link.copy(block, 157, 0, 100);
    records.push(paxRecord("linkpath", link));
  }
  const number = (key: string, at: number, length: number, value: number): void => {
    const small = value >= 0 && value <= octalLimit(length);
    writeOctal(block, at, length, small ? value : 0);
    if (!small) records.push(paxRecord(key, String(value)));
  };
  writeOctal(block, 100, 8, (input.mode ?? 0o644) & 0o7777);
  number("uid", 108, 8, input.uid ?? 0);
  number("gid", 116, 8, input.gid ?? 0);
  number("size", 124, 12, size);
  const seconds = mtime / SECOND;
  const wholeSeconds = mtime >= 0n && mtime % SECOND === 0n && seconds <= BigInt(octalLimit(12));
  writeOctal(block, 136, 12, mtime >= 0n && seconds <= BigInt(octalLimit(12)) ? Number(seconds) : 0);
  if (!wholeSeconds) records.push(paxRecord("mtime", formatPaxTime(mtime)));
  if (input.atime !== undefined) records.push(paxRecord("atime", formatPaxTime(input.atime)));
  block.write(flags[input.type], 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  owner(block, records, "uname", 265, input.userName);
  owner(block, records, "gname", 297, input.groupName);
  writeOctal(block, 329, 8, Math.min(input.deviceMajor ?? 0, octalLimit(8)));
  writeOctal(block, 337, 8, Math.min(input.deviceMinor ?? 0, octalLimit(8)));
  for (const [key, value] of input.xattrs ?? []) records.push(paxRecord(`SCHILY.xattr.${key}`, value));
  writeChecksum(block);
  return records.length === 0 ? block : Buffer.concat([paxHeader(Buffer.concat(records)), block]);
}

function owner(block: Buffer, records: Buffer[], key: string, at: number, name: string | undefined): void {
  if (!name) return;
  const bytes = encodeName(name);
  if (bytes.length <= 31 && isAscii(bytes)) bytes.copy(block, at);
  else records.push(paxRecord(key, bytes));
}

function paxHeader(body: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write("PaxHeaders.0", 0, "latin1");
  writeOctal(block, 100, 8, 0o644);
  writeOctal(block, 108, 8, 0);
  writeOctal(block, 116, 8, 0);
  writeOctal(block, 124, 12, body.length);
  writeOctal(block, 136, 12, 0);
  block.write("x", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  writeChecksum(block);
  return Buffer.concat([block, body, tarPadding(body.length)]);
}

/** Zeros up to the next block. */
export const tarPadding = (size: number): Buffer => Buffer.alloc(-size & (BLOCK - 1));

/** The end of an archive: two zero blocks. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK);

export interface TarOutput {
  entry: TarInput;
  /** The file's content, exactly `entry.size` bytes. */
  body?: Uint8Array | Iterable<Uint8Array> | ByteSource;
}

/** A whole archive. A body that is not as long as its size says is a defect, or a file that changed meanwhile: RangeError. */
export async function* writeTar(members: Iterable<TarOutput> | AsyncIterable<TarOutput>): AsyncGenerator<Uint8Array> {
  for await (const { entry, body } of members) {
    const content = body instanceof Uint8Array ? body : undefined;
    const size = entry.type === "file" ? (entry.size ?? content?.length ?? 0) : 0;
    yield tarHeader({ ...entry, size });
    let written = 0;
    for await (const bytes of content ? [content] : ((body as Iterable<Uint8Array> | ByteSource | undefined) ?? [])) {
      written += bytes.length;
      if (written > size) break;
      yield bytes;
    }
    if (written !== size) throw new RangeError(`${entry.name}: ${written} bytes where ${size} were announced`);
    if (size > 0) yield tarPadding(size);
  }
  yield tarEnd();
}
