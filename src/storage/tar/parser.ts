/**
 * The streaming tar parser: chunks of any size go in, members and their data come out, and no more than one block or one
 * extended header (1 MiB at most) is ever held. It follows Go's archive/tar where dialects disagree, as images are made with that.
 *
 *   header ──> special (x, g, L, K) ──> header
 *     │  └───> sparse extension blocks, sparse map ──┐
 *     └────────────────────────────────────────> body ──> header … ──> zero block: done
 */
import { decodeName } from "../../../ffi/names.ts";
import { corrupt, type Extent, type TarEntry } from "./entry.ts";
import { BLOCK, isZeroBlock, parseHeader, type RawHeader } from "./header.ts";
import { makeEntry } from "./merge.ts";
import { parseNumber } from "./numbers.ts";
import { type PaxRecords, parsePax } from "./pax.ts";
import { mapReader, readOldMap, validateExtents } from "./sparse.ts";

/** Is told what an archive holds, in order: a member, its data in pieces, its end. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** `bytes` point into the chunk that was fed; `offset` is the place in the file, which jumps over the holes of a sparse one. */
  data(bytes: Buffer, offset: number): void;
  end(): void;
}

export interface TarParser {
  /** Takes the next chunk. Calls in place of events or generators: a layer has a million members. Throws HoyError. */
  feed(chunk: Buffer): void;
  /** Throws HoyError when the archive stopped in the middle of something. */
  finish(): void;
}

/** Longest extended header or long name, as in Go. */
const MAX_SPECIAL = 1 << 20;

/** Later global records replace earlier ones; every member pays for them, so there may not be many. */
function addGlobals(before: PaxRecords, added: PaxRecords): PaxRecords {
  const merged = [...new Map([...before, ...added])];
  if (merged.length > 1000) throw corrupt("", "too many global extended header records");
  return merged;
}

type State = "header" | "special" | "extension" | "map" | "body" | "done";

export function tarParser(sink: TarSink): TarParser {
  let state: State = "header";
  const held = Buffer.alloc(BLOCK);
  let heldBytes = 0;
  /** Bytes of padding to jump over. */
  let skip = 0;
  /** Bytes of the present body that are still to come. */
  let left = 0;
  let padding = 0;
  let special: { flag: string; parts: Buffer[] } | undefined;
  let globals: PaxRecords = [];
  let pax: PaxRecords | undefined;
  let longName: string | undefined;
  let longLink: string | undefined;
  let entry: TarEntry | undefined;
  let extents: Extent[] | undefined;
  let extent = 0;
  let position = 0;
  let readMap: ((block: Buffer, at: number) => Extent[] | undefined) | undefined;

  function endSpecial(): void {
    const { flag, parts } = special as { flag: string; parts: Buffer[] };
    const body = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    special = undefined;
    state = "header";
    if (flag === "x") pax = parsePax(body);
    else if (flag === "g") globals = addGlobals(globals, parsePax(body));
    else {
      const end = body.indexOf(0);
      const name = decodeName(body, 0, end < 0 ? body.length : end);
      if (flag === "L") longName = name;
      else longLink = name;
    }
  }

  function startSpecial(raw: RawHeader): void {
    if (raw.size > MAX_SPECIAL) throw corrupt(raw.name, `extended header of ${raw.size} bytes is too long`);
    special = { flag: raw.flag, parts: [] };
    state = "special";
    if (left === 0) endSpecial();
  }

  function startBody(): void {
    const current = entry as TarEntry;
    if (extents) {
      validateExtents(extents, { logical: current.size, stored: left }, current.name);
      current.extents = extents;
    }
    extent = 0;
    position = extents?.[0]?.offset ?? 0;
    state = "body";
    sink.entry(current);
    if (left === 0) endBody();
  }

  function endBody(): void {
    state = "header";
    entry = undefined;
    sink.end();
  }

  function header(block: Buffer, at: number): void {
    if (isZeroBlock(block, at)) {
      if (pax || longName !== undefined || longLink !== undefined) throw corrupt("", "extended header without a member");
      state = "done";
      return;
    }
    const raw = parseHeader(block, at);
    left = raw.size;
    if (raw.flag === "x" || raw.flag === "g" || raw.flag === "L" || raw.flag === "K") {
      padding = -raw.size & (BLOCK - 1);
      startSpecial(raw);
      return;
    }
    const made = makeEntry(raw, { globals, pax, longName, longLink });
    entry = made.entry;
    left = made.stored;
    padding = -left & (BLOCK - 1);
    extents = made.extents;
    pax = longName = longLink = undefined;
    if (raw.flag === "S" && raw.gnu) {
      extents = [];
      readOldMap(block, at + 386, 4, extents, entry.name);
      entry.size = parseNumber(block, at + 483, 12, "its real size");
      if (block[at + 482]) {
        state = "extension";
        return;
      }
    } else if (made.mapInBody) {
      readMap = mapReader(entry.name);
      state = "map";
      return;
    }
    startBody();
  }

  function onBlock(block: Buffer, at: number): void {
    if (state === "header") {
      header(block, at);
      return;
    }
    const name = (entry as TarEntry).name;
    if (state === "extension") {
      readOldMap(block, at, 21, extents as Extent[], name);
      if (!block[at + 504]) startBody();
      return;
    }
    if (left < BLOCK) throw corrupt(name, "its sparse map is cut off");
    left -= BLOCK;
    extents = readMap?.(block, at);
    if (extents) startBody();
  }

  /** Cuts a piece of the body along the extents. */
  function onData(bytes: Buffer): void {
    if (!extents) {
      sink.data(bytes, position);
      position += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const current = extents[extent] as Extent;
      const room = current.offset + current.length - position;
      if (room === 0) {
        extent++;
        position = extents[extent]?.offset ?? 0;
        continue;
      }
      const take = Math.min(room, bytes.length - at);
      sink.data(bytes.subarray(at, at + take), position);
      position += take;
      at += take;
    }
  }

  function feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (state === "done") return;
      if (skip > 0) {
        const jump = Math.min(skip, chunk.length - at);
        skip -= jump;
        at += jump;
      } else if (state === "body" || state === "special") {
        const bytes = chunk.subarray(at, at + Math.min(left, chunk.length - at));
        at += bytes.length;
        left -= bytes.length;
        if (left === 0) skip = padding;
        if (state === "body") {
          onData(bytes);
          if (left === 0) endBody();
        } else {
          special?.parts.push(Buffer.from(bytes));
          if (left === 0) endSpecial();
        }
      } else if (heldBytes === 0 && chunk.length - at >= BLOCK) {
        at += BLOCK;
        onBlock(chunk, at - BLOCK);
      } else {
        const copied = chunk.copy(held, heldBytes, at, at + BLOCK - heldBytes);
        heldBytes += copied;
        at += copied;
        if (heldBytes < BLOCK) return;
        heldBytes = 0;
        onBlock(held, 0);
      }
    }
  }

  function finish(): void {
    if (state === "done") return;
    const unfinished = pax || longName !== undefined || longLink !== undefined;
    if (state !== "header" || heldBytes > 0 || unfinished) throw corrupt(entry?.name ?? "", "the archive is cut off");
  }

  return { feed, finish };
}
