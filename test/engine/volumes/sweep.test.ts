import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createVolume } from "../../../src/engine/volumes/create.ts";
import { sweepVolumes } from "../../../src/engine/volumes/sweep.ts";
import { openStore } from "../../../src/state/store.ts";

const root = mkdtempSync(join(tmpdir(), "hoy-sweep-volumes-"));
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a folder without a row goes, a volume stays", () => {
  const store = openStore(root);
  const kept = createVolume(store, { name: "kept", labels: {} });
  writeFileSync(join(root, "volumes", kept, "_data", "file"), "data");
  mkdirSync(join(root, "volumes", "stray", "_data"), { recursive: true });
  writeFileSync(join(root, "volumes", "stray", "_data", "file"), "data");
  sweepVolumes(store);
  expect(existsSync(join(root, "volumes", "stray"))).toBe(false);
  expect(existsSync(join(root, "volumes", kept, "_data", "file"))).toBe(true);
  rmSync(store.run, { recursive: true, force: true });
});
