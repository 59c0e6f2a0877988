/** Whole logs: tails, rotated files, following a log that is written, rotated and emptied while it is read. */
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogOptions, readLogs } from "../../../src/engine/containers/logs.ts";
import { defaultConfig, defaultHostConfig } from "../../../src/engine/containers/options.ts";
import type { ContainerRow } from "../../../src/engine/containers/row.ts";
import { lock } from "../../../src/state/lock.ts";
import type { Store } from "../../../src/state/store.ts";

const ID = "ab".repeat(32);
const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

const entry = (text: string, stream = "stdout") => `${JSON.stringify({ log: text, stream, time: "2026-11-24T01:02:03.000000004Z" })}\n`;
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`);
const entries = (from: number, to: number) =>
  lines(from, to)
    .map((line) => entry(line))
    .join("");

function setUp(driver = "json-file") {
  const root = mkdtempSync(join(tmpdir(), "hoy-logs-"));
  roots.push(root);
  const store = { root, run: join(root, "run") } as Store;
  const folder = join(root, "containers", ID);
  const run = join(root, "run/containers", ID.slice(0, 12));
  mkdirSync(folder, { recursive: true });
  mkdirSync(run, { recursive: true });
  const hostConfig = { ...defaultHostConfig(), LogConfig: { Type: driver, Config: {} } };
  const row = { id: ID, options: { config: defaultConfig(), hostConfig, mounts: [] } } as unknown as ContainerRow;
  const read = (options: LogOptions = {}) => {
    const log = readLogs(store, row, options);
    const got = { stdout: "", stderr: "" };
    const done = (async () => {
      for await (const { stream, data } of log.batches) got[stream] += new TextDecoder().decode(data);
      return got;
    })();
    return { got, done, corrupt: log.corrupt };
  };
  return { log: join(folder, "log.json"), alive: join(run, "alive"), read };
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 500 && !condition(); i++) await Bun.sleep(10);
  expect(condition()).toBe(true);
};

test("both streams", async () => {
  const { log, read } = setUp();
  writeFileSync(log, entry("a\n") + entry("b\n", "stderr") + entry("no newline"));
  expect(await read().done).toEqual({ stdout: "a\nno newline", stderr: "b\n" });
});

test("no log yet", async () => expect(await setUp().read().done).toEqual({ stdout: "", stderr: "" }));

test("rotated files come first", async () => {
  const { log, read } = setUp();
  writeFileSync(`${log}.2`, entries(1, 2));
  writeFileSync(`${log}.1`, entries(3, 4));
  writeFileSync(log, entries(5, 6));
  expect((await read().done).stdout).toBe(lines(1, 6).join(""));
});

test.each([
  ["0", []],
  ["1", lines(20000, 20000)],
  ["10", lines(19991, 20000)],
  ["15000", lines(5001, 20000)],
  ["99999", lines(1, 20000)],
  ["all", lines(1, 20000)],
  ["-1", lines(1, 20000)],
])("--tail %s over three files and many blocks", async (tail, expected) => {
  const { log, read } = setUp();
  writeFileSync(`${log}.2`, entries(1, 9000));
  writeFileSync(`${log}.1`, entries(9001, 19995));
  writeFileSync(log, `${entries(19996, 20000)}{"log":"half`);
  expect((await read({ tail }).done).stdout).toBe(expected.join(""));
});

test("an entry larger than a chunk", async () => {
  const { log, read } = setUp();
  const long = `${"x".repeat(3 << 20)}\n`;
  writeFileSync(log, entry("a\n") + entry(long) + entry("b\n"));
  expect((await read().done).stdout).toBe(`a\n${long}b\n`);
});

test("many chunks", async () => {
  const { log, read } = setUp();
  writeFileSync(log, entries(1, 60000));
  expect((await read().done).stdout).toBe(lines(1, 60000).join(""));
});

test("unreadable entries are counted", async () => {
  const { log, read } = setUp();
  writeFileSync(log, `${entry("a\n")}garbage\n${entry("b\n")}`);
  const reading = read();
  expect((await reading.done).stdout).toBe("a\nb\n");
  expect(reading.corrupt()).toBe(1);
});

test("follow goes on while the container lives, and ends with it", async () => {
  const { log, alive, read } = setUp();
  const life = lock(alive);
  const { got, done } = read({ follow: true, tail: "1" });
  writeFileSync(log, entries(1, 2));
  await until(() => got.stdout.endsWith("2\n"));
  appendFileSync(log, '{"log":"ha');
  await Bun.sleep(20);
  appendFileSync(log, `lf\\n","stream":"stdout","time":"2026-11-24T01:02:03.000000004Z"}\n`);
  await until(() => got.stdout.endsWith("half\n"));
  appendFileSync(log, entry("last\n"));
  life.close();
  expect((await done).stdout).toEndWith("half\nlast\n");
});

test("follow loses nothing over rotations", async () => {
  const { log, alive, read } = setUp();
  using life = lock(alive);
  writeFileSync(log, entries(1, 5));
  const { got, done } = read({ follow: true });
  await until(() => got.stdout.endsWith("5\n"));
  appendFileSync(log, entries(6, 7));
  renameSync(log, `${log}.1`);
  writeFileSync(log, entries(8, 9));
  renameSync(`${log}.1`, `${log}.2`);
  renameSync(log, `${log}.1`);
  writeFileSync(log, entries(10, 12));
  await until(() => got.stdout.endsWith("12\n"));
  life.close();
  expect((await done).stdout).toBe(lines(1, 12).join(""));
});

test("follow notices a log that is emptied in place", async () => {
  const { log, alive, read } = setUp();
  using life = lock(alive);
  writeFileSync(log, entries(1, 5));
  const { got, done } = read({ follow: true });
  await until(() => got.stdout.endsWith("5\n"));
  truncateSync(log);
  appendFileSync(log, entries(6, 6));
  await until(() => got.stdout.endsWith("6\n"));
  life.close();
  expect((await done).stdout).toBe(lines(1, 6).join(""));
});

test("follow of a container that does not run ends at once", async () => {
  const { log, read } = setUp();
  writeFileSync(log, entries(1, 2));
  expect((await read({ follow: true }).done).stdout).toBe("1\n2\n");
});

test("what cannot be read is said", () => {
  expect(() => setUp("none").read()).toThrow("configured logging driver does not support reading");
  expect(() => setUp().read({ tail: "x" })).toThrow('invalid value "x" for "--tail"');
  expect(() => setUp().read({ since: "x" })).toThrow('invalid time: "x"');
});
