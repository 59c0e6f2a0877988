import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrations } from "../../src/state/schema.ts";
import { openStore } from "../../src/state/store.ts";

test("a database of any earlier version is brought up to date with its rows", () => {
  const dir = mkdtempSync(join(tmpdir(), "hoym-"));
  try {
    for (let version = 1; version <= migrations.length; version++) {
      const root = join(dir, String(version));
      mkdirSync(root);
      {
        using old = new Database(join(root, "state.db"), { create: true });
        for (const step of migrations.slice(0, version)) old.exec(step);
        old.exec(`PRAGMA user_version=${version}`);
        old.exec("INSERT INTO images(id, config, size, created, os, architecture) VALUES ('sha256:1', '{}', 0, 1, 'linux', 'amd64')");
        old.exec(
          "INSERT INTO containers(id, name, image_id, image, created, state, options) VALUES ('c', 'n', 'sha256:1', 'x', 1, 'exited', '{}')",
        );
      }
      const { db, run } = openStore(root);
      expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: migrations.length });
      expect(db.query("SELECT container_id, image_id FROM image_users").all()).toEqual([{ container_id: "c", image_id: "sha256:1" }]);
      db.close();
      rmSync(run, { recursive: true });
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
