/**
 * `logs`: what a container wrote, from its json-file log. Files are read in chunks of 1 MiB and decoded in place (logs/entry.ts);
 * following goes on across rotations and ends with the container.
 */
import { closeSync, type FSWatcher, fstatSync, readSync, watch } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { isAlive } from "./finish.ts";
import { type Decoder, decodeEntries, newDecoder } from "./logs/entry.ts";
import { type LogFile, newerFiles, openFiles } from "./logs/files.ts";
import { parseLogTime } from "./logs/time.ts";
import { invalid } from "./parse/invalid.ts";
import { type ContainerRow, dataFolder, runFolder } from "./row.ts";

export interface LogOptions {
  follow?: boolean;
  /** As the user wrote them: `10m`, a date, seconds since the epoch. */
  since?: string | undefined;
  until?: string | undefined;
  /** A number of entries, or `all`. */
  tail?: string | undefined;
  timestamps?: boolean;
  /** Begin each line with the attributes that the log's driver was told to keep: with json-file's here none, and a space. */
  details?: boolean;
}

export interface LogBatch {
  stream: "stdout" | "stderr";
  /** Text of one or many lines; only valid until the next batch is asked for. */
  data: Uint8Array;
}

/** A log that is being read. */
export interface LogReader {
  batches: AsyncIterable<LogBatch>;
  /** Entries that were unreadable and left out so far. */
  corrupt(): number;
}

const CHUNK = 1 << 20;

/** Opens a container's log. Throws HoyError for options that make no sense, and where the driver keeps no log. */
export function readLogs(store: Store, row: ContainerRow, options: LogOptions): LogReader {
  if (row.options.hostConfig.LogConfig.Type === "none")
    throw new HoyError("configured logging driver does not support reading", {
      status: 501,
      hint: "the container was made with --log-driver none",
    });
  const encode = (text: string | undefined): Uint8Array | undefined => (text ? new TextEncoder().encode(parseLogTime(text)) : undefined);
  const decoder = newDecoder({
    timestamps: options.timestamps ?? false,
    details: options.details ?? false,
    since: encode(options.since),
    until: encode(options.until),
  });
  const source = { store, row, decoder, tail: parseTail(options.tail), until: options.until ? parseLogTime(options.until) : undefined };
  return { batches: options.follow ? follow(source) : readOnce(source), corrupt: () => decoder.corrupt };
}

/** undefined: all of it. */
function parseTail(text = "all"): number | undefined {
  if (text === "all" || text === "" || /^-\d+$/.test(text)) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw invalid(`invalid value ${JSON.stringify(text)} for "--tail": it must be a number or "all"`);
  return Number(text);
}

interface Source {
  store: Store;
  row: ContainerRow;
  decoder: Decoder;
  tail: number | undefined;
  until: string | undefined;
}

async function* readOnce({ store, row, decoder, tail }: Source): AsyncGenerator<LogBatch> {
  const files = openFiles(dataFolder(store, row.id), tail);
  const buffer = newBuffer();
  try {
    for (const file of files) yield* drain(file, decoder, buffer);
  } finally {
    for (const { fd } of files) closeSync(fd);
  }
}

interface ReadBuffer {
  bytes: Uint8Array;
}

const newBuffer = (): ReadBuffer => ({ bytes: new Uint8Array(CHUNK) });

/** Everything from the file's position to its end; an entry that is not complete yet is left for the next time. */
function* drain(file: LogFile, decoder: Decoder, buffer: ReadBuffer): Generator<LogBatch> {
  for (let kept = 0; ; ) {
    const { bytes } = buffer;
    const read = readSync(file.fd, bytes, kept, bytes.length - kept, file.position + kept);
    if (read === 0) return;
    const length = kept + read;
    const used = decodeEntries(decoder, bytes, length);
    yield* runs(decoder);
    file.position += used;
    kept = length - used;
    if (used > 0) bytes.copyWithin(0, used, length);
    else if (length === bytes.length) buffer.bytes = grown(bytes);
  }
}

function grown(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

function* runs({ runs, out }: Decoder): Generator<LogBatch> {
  let start = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const end = runs[i + 1] as number;
    yield { stream: runs[i] === 1 ? "stdout" : "stderr", data: out.subarray(start, end) };
    start = end;
  }
}

async function* follow({ store, row, decoder, tail, until }: Source): AsyncGenerator<LogBatch> {
  const folder = dataFolder(store, row.id);
  const buffer = newBuffer();
  // Watched before the first read, so that nothing is written unseen in between.
  using changes = watchFolders([folder, runFolder(store, row.id)]);
  const files = openFiles(folder, tail);
  try {
    for (;;) {
      // Asked before reading: what a container wrote until its end is then in the files.
      const over = !isAlive(store, row.id) || (until !== undefined && until < parseLogTime("0s"));
      for (let file = files.shift(); file; file = files.shift()) {
        if (fstatSync(file.fd).size < file.position) file.position = 0; // emptied in place: the log keeps a single file
        yield* drain(file, decoder, buffer);
        const newer = files.length > 0 ? [] : newerFiles(folder, file);
        if (newer === undefined) {
          files.push(file);
          break;
        }
        yield* drain(file, decoder, buffer); // what was written just before it was renamed
        closeSync(file.fd);
        files.push(...newer);
      }
      if (files.length === 0) files.push(...(newerFiles(folder, undefined) ?? []));
      if (over) return;
      await changes.next();
    }
  } finally {
    for (const { fd } of files) closeSync(fd);
  }
}

interface Changes extends Disposable {
  /** Resolves on a change since the last call, and at the latest after a while, as a lock that falls free makes no event. */
  next(): Promise<void>;
}

/** A short time after an event, since the monitor leaves soon after it has recorded the exit. */
const SOON_MS = 10;
const LATEST_MS = 200;
/** Where nothing can be watched (the user's inotify instances are used up). */
const POLL_MS = 50;

function watchFolders(folders: readonly string[]): Changes {
  let changed = true;
  let wake: (() => void) | undefined;
  let watchers: FSWatcher[] = [];
  const notice = (): void => {
    changed = true;
    wake?.();
  };
  try {
    watchers = folders.map((folder) => watch(folder, notice).on("error", notice));
  } catch {
    // Following works without, only later by a blink: see POLL_MS.
  }
  return {
    async next() {
      const latest = watchers.length < folders.length ? POLL_MS : changed ? SOON_MS : LATEST_MS;
      const pending = new Promise<void>((resolve) => {
        wake = resolve;
      });
      changed = false;
      const timer = setTimeout(() => wake?.(), latest);
      await pending;
      clearTimeout(timer);
      wake = undefined;
    },
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher.close();
    },
  };
}
