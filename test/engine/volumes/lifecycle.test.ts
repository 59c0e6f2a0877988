/** Volumes: row, folder and event come and go together. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createVolume } from "../../../src/engine/volumes/create.ts";
import { listVolumes } from "../../../src/engine/volumes/list.ts";
import { removeVolume } from "../../../src/engine/volumes/remove.ts";
import { openStore, type Store } from "../../../src/state/store.ts";

let store: Store;
beforeEach(() => {
  store = openStore(mkdtempSync(join(tmpdir(), "hoy-volumes-")));
});
afterEach(() => {
  store.db.close();
  for (const path of [store.root, store.run]) rmSync(path, { recursive: true, force: true });
});

const events = (): string[] =>
  (store.db.query("SELECT type, action, actor FROM events ORDER BY rowid").all() as Record<string, string>[]).map((row) =>
    Object.values(row).join(" "),
  );
const names = (): string[] => listVolumes(store).map(({ name }) => name);
const folders = (): string[] => readdirSync(join(store.root, "volumes")).sort();

test("a volume is made once, with one event, and keeps what is in it", () => {
  expect(createVolume(store, { name: "data", labels: { a: "b" } })).toBe("data");
  writeFileSync(join(store.root, "volumes/data/_data/file"), "kept");
  expect(createVolume(store, { name: "data", labels: { a: "other" } })).toBe("data");
  expect(listVolumes(store)).toEqual([
    { name: "data", driver: "local", labels: { a: "b" }, mountpoint: join(store.root, "volumes/data/_data") },
  ]);
  expect(existsSync(join(store.root, "volumes/data/_data/file"))).toBe(true);
  expect(events()).toEqual(["volume create data"]);
});

test("a volume whose folder cannot be made is none", () => {
  rmSync(join(store.root, "volumes"), { recursive: true });
  writeFileSync(join(store.root, "volumes"), "");
  expect(() => createVolume(store, { name: "data", labels: {} })).toThrow("cannot make the volume data: not a directory");
  expect([names(), events()]).toEqual([[], []]);
});

test("removing takes row and folder, and leaves nothing aside", () => {
  for (const name of ["one", "two"]) createVolume(store, { name, labels: {} });
  removeVolume(store, "one", false);
  expect([names(), folders(), readdirSync(join(store.root, "tmp"))]).toEqual([["two"], ["two"], []]);
  expect(events().at(-1)).toBe("volume destroy one");
});

test("a volume whose folder is gone can be removed", () => {
  createVolume(store, { name: "data", labels: {} });
  rmSync(join(store.root, "volumes/data"), { recursive: true });
  removeVolume(store, "data", false);
  expect(names()).toEqual([]);
});

test("a removal that fails changes nothing", () => {
  createVolume(store, { name: "data", labels: {} });
  // the event's row is the last that is written
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  expect(() => removeVolume(store, "data", true)).toThrow("disk full");
  expect([names(), folders(), readdirSync(join(store.root, "tmp"))]).toEqual([["data"], ["data"], []]);
});

test("one that is not there, or in use", () => {
  createVolume(store, { name: "data", labels: {} });
  const id = "1".repeat(64);
  store.db.query("INSERT INTO containers(id, name, image, created, state, options) VALUES (?, 'c', '', 1, 'created', '{}')").run(id);
  store.db.query("INSERT INTO container_volumes(container_id, volume) VALUES (?, 'data')").run(id);
  for (const force of [false, true])
    expect(() => removeVolume(store, "data", force)).toThrow(new Error(`remove data: volume is in use - [${id}]`));
  expect(() => removeVolume(store, "nothing", false)).toThrow(new Error("No such volume: nothing"));
  removeVolume(store, "nothing", true);
  expect([names(), folders()]).toEqual([["data"], ["data"]]);
});
