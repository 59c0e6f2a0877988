/** Completion: what is told for words; the shells that ask for it are in test/system/completion.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { complete } from "../../src/cli/complete.ts";
import { openStore } from "../../src/state/store.ts";

const root = mkdtempSync(join(tmpdir(), "hoy-complete-"));
let run = "";

beforeAll(() => {
  const store = openStore(root);
  run = store.run;
  const add = store.db.query("INSERT INTO containers(id, name, image, created, state, options) VALUES (?, ?, '', 1, ?, '{}')");
  add.run("1".repeat(64), "made", "created");
  add.run("2".repeat(64), "ended", "exited");
  store.db.query("INSERT INTO images(id, config, size, created, os, architecture) VALUES ('sha256:1', '{}', 0, 0, '', '')").run();
  for (const reference of ["docker.io/library/busybox:latest", "docker.io/me/app:1.0"])
    store.db.query("INSERT INTO tags(reference, image_id) VALUES (?, 'sha256:1')").run(reference);
  store.db.query("INSERT INTO volumes(name, created) VALUES ('data', 1)").run();
  store.db.close();
});

afterAll(() => {
  for (const path of [root, run]) if (path !== "") rmSync(path, { recursive: true, force: true });
});

const values = async (...words: string[]): Promise<string[]> =>
  (await complete(["--root", root, ...words])).map((line) => line.split("\t")[0] as string);

describe("completion of", () => {
  const cases: [words: string[], expected: string[]][] = [
    [
      ["rmi", ""],
      ["busybox:latest", "me/app:1.0"],
    ],
    [["rmi", "busybox:latest", ""], ["me/app:1.0"]],
    [
      ["cp", ""],
      ["ended:", "made:"],
    ],
    [["cp", "./file", "ma"], ["made:"]],
    [["cp", "./fi"], [":files"]],
    [["container", "cp", "made:/etc", "/"], [":files"]],
    [["commit", "made", "me"], ["me/app:1.0"]],
    [["diff", "e"], ["ended"]],
    [["export", "-o", ""], [":files"]],
    [["export", "m"], ["made"]],
    [["import", ""], [":files"]],
    [
      ["commit", "-c", "EN"],
      ["ENTRYPOINT", "ENV"],
    ],
    [["image", "tag", "me"], ["me/app:1.0"]],
    [
      ["rm", ""],
      ["ended", "made"],
    ],
    [["start", "m"], ["made"]],
    [["stop", ""], []],
    [["logs", "ended", ""], []],
    [["volume", "rm", ""], ["data"]],
    [["run", "-v", ""], ["data"]],
    [["run", "-v", "/"], [":files"]],
    [["run", "-it", "b"], ["busybox:latest"]],
    [["run", "-it", "--name", "x", "me"], ["me/app:1.0"]],
    [["run", "busybox", "-"], [":files"]],
    [["run", "--env-file", ""], [":files"]],
    [["run", "--env-file="], [":files"]],
    [["network", "inspect", "b"], ["bridge"]],
    [["kill", "-s", "TE"], ["TERM"]],
    [["kill", "--signal=TE"], ["--signal=TERM"]],
    [["ps", "--filter", "sta"], ["status="]],
    [["ps", "--no"], ["--no-trunc"]],
    [["image", "in"], ["inspect"]],
    [["inspect", "da"], ["data"]],
    [["pul"], ["pull"]],
    [["completion", "z"], ["zsh"]],
    [["--log-level", "w"], ["warn"]],
    [["--log-level=w"], ["--log-level=warn"]],
    [["--root", ""], [":files"]],
    [["start", "--", "m"], ["made"]],
    [
      ["rm", "--", ""],
      ["ended", "made"],
    ],
    [["rm", "--", "-"], []],
    [["create", "--pull", "m"], ["missing"]],
    [["create", "--pull=m"], ["--pull=missing"]],
    [["run", "--network", "n"], ["none"]],
    [["run", "--log-driver=n"], ["--log-driver=none"]],
    [["--lo"], ["--log-level"]],
    [["run", "-e", "HOME"], ["HOME"]],
    [["run", "--name", ""], []],
    [["container", "start", "e"], ["ended"]],
    [["docker-does-not-have-this", ""], []],
    [["volume", "nothing", ""], []],
  ];
  for (const [words, expected] of cases) test(words.join(" "), async () => expect(await values(...words)).toEqual(expected));

  test("flags is with their descriptions", async () => {
    expect(await complete(["--root", root, "ps", "--q"])).toEqual(["--quiet\tOnly display container IDs"]);
  });

  test("names makes no store", async () => {
    const nowhere = join(root, "nowhere");
    expect(await complete(["--root", nowhere, "rmi", ""])).toEqual([]);
    expect(await Bun.file(join(nowhere, "state.db")).exists()).toBe(false);
  });

  test("names writes nothing, also to a database that would be migrated", async () => {
    const old = join(root, "old");
    mkdirSync(old);
    writeFileSync(join(old, "state.db"), "");
    expect(await complete(["--root", old, "volume", "rm", ""])).toEqual([]);
    expect(readdirSync(old)).toEqual(["state.db"]);
    expect(statSync(join(old, "state.db")).size).toBe(0);
  });

  test("names of a database that is none has nothing to tell", async () => {
    const broken = join(root, "broken");
    mkdirSync(broken);
    writeFileSync(join(broken, "state.db"), "no database\n".repeat(1000));
    expect(await complete(["--root", broken, "rm", ""])).toEqual([]);
  });
});
