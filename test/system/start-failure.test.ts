/** What stays of a start that failed, and which events tell of starts and stops. */
import { expect } from "bun:test";
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { query } from "./rest.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

const actions = (store: TestStore): string[] =>
  query<{ action: string }>(store, "SELECT action FROM events WHERE type = 'container' ORDER BY seq").map(({ action }) => action);

interface State {
  Status: string;
  ExitCode: number;
  Error: string;
  StartedAt: string;
  FinishedAt: string;
}

const stateOf = async (store: TestStore, name: string): Promise<State> =>
  JSON.parse(await store.ok(["inspect", "--format", "{{json .State}}", name]));

const NEVER = "0001-01-01T00:00:00Z";

all("a program that is not there has never been started", async (store) => {
  const flags = ["--name", "one", "--network", "none", "--rootfs", store.rootfs];
  expect((await store.hoy(["run", ...flags, "no-such-command"])).code).toBe(127);
  expect(await stateOf(store, "one")).toMatchObject({
    Status: "created",
    ExitCode: 127,
    Error: expect.stringContaining("no-such-command"),
    StartedAt: NEVER,
    FinishedAt: NEVER,
  });
  expect(await store.ok(["ps", "-a", "--format", "{{.Status}}"])).toBe("Created");
  expect(actions(store)).toEqual(["create"]);
});

all("one that is gone at a later start leaves the times of the last run", async (store) => {
  const folder = join(store.dir, "bin");
  mkdirSync(folder);
  writeFileSync(join(folder, "job"), "#!/bin/sh\necho done\n");
  for (const path of [folder, join(folder, "job")]) {
    chmodSync(path, 0o755);
    if (store.user) chownSync(path, store.user.uid, store.user.gid);
  }
  const flags = ["--name", "one", "--network", "none", "-v", `${folder}:/b`, "--rootfs", store.rootfs];
  expect(await store.ok(["run", ...flags, "/b/job"])).toBe("done");
  const before = await stateOf(store, "one");
  rmSync(join(folder, "job"));
  expect((await store.hoy(["start", "one"])).code).toBe(1);
  const after = await stateOf(store, "one");
  expect(after).toMatchObject({ Status: "exited", ExitCode: 127, StartedAt: before.StartedAt, FinishedAt: before.FinishedAt });
  expect(actions(store)).toEqual(["create", "start", "die"]);
});

all("stop is told of where something was stopped", async (store) => {
  await store.ok(["create", "--name", "one", "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  await store.ok(["stop", "one"]);
  await store.ok(["start", "one"]);
  await store.ok(["stop", "-t", "0", "one"]);
  await store.ok(["stop", "one"]);
  expect(actions(store)).toEqual(["create", "start", "die", "stop"]);
});
