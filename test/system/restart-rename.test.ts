/** `restart` and `rename`. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { query } from "./rest.ts";

const SCRIPT = "echo began; trap 'exit 3' USR1; trap 'exit 4' TERM; while :; do sleep 0.02; done";

async function container(store: TestStore, name: string, ...flags: string[]): Promise<string> {
  const id = await store.ok(["run", "-d", "--name", name, "--network", "none", ...flags, "--rootfs", store.rootfs, "sh", "-c", SCRIPT]);
  await began(store, name, 1);
  return id;
}

async function began(store: TestStore, name: string, times: number): Promise<void> {
  for (const end = Date.now() + 10_000; ; await Bun.sleep(20)) {
    const found = (await store.ok(["logs", name])).split("began").length - 1;
    if (found >= times) return;
    if (Date.now() > end) throw new Error(`${name} began ${found} times, not ${times}`);
  }
}

interface Event {
  action: string;
  attributes: string;
}

const events = (store: TestStore): Event[] => query<Event>(store, "SELECT action, attributes FROM events ORDER BY seq");

each([ROOT, ROOTLESS], "busybox")("restart stops and starts, with the signal that is asked for", async (store) => {
  const id = await container(store, "one");
  const pid = await store.ok(["inspect", "-f", "{{.State.Pid}}", "one"]);
  expect(await store.ok(["restart", "-s", "USR1", "one"])).toBe("one");
  expect(await store.ok(["inspect", "-f", "{{.Id}} {{.State.Running}}", "one"])).toBe(`${id} true`);
  expect(await store.ok(["inspect", "-f", "{{.State.Pid}}", "one"])).not.toBe(pid);
  await began(store, "one", 2);
  const told = events(store);
  expect(told.map(({ action }) => action)).toEqual(["create", "start", "die", "stop", "start", "restart"]);
  expect(JSON.parse(told[2]?.attributes ?? "{}")).toMatchObject({ exitCode: "3", name: "one" });
  await store.ok(["stop", "one"]);
  expect(await store.ok(["inspect", "-f", "{{.State.ExitCode}}", "one"])).toBe("4");
  // one that does not run is started, as one that never ran
  await store.ok(["restart", "one"]);
  await store.ok(["create", "--name", "two", "--network", "none", "--rootfs", store.rootfs, "sleep", "100"]);
  expect(await store.ok(["container", "restart", "--time", "0", "one", "two"])).toBe("one\ntwo");
  expect(await store.ok(["ps", "--format", "{{.Names}}"])).toBe("two\none");
  const { code, stdout, stderr } = await store.hoy(["restart", "-t", "0", "none", "two"]);
  expect([code, stdout, stderr]).toEqual([1, "two\n", "hoy: No such container: none\n"]);
});

each([ROOT, ROOTLESS], "busybox")("a container of --rm survives its restart, and goes at its own end", async (store) => {
  await container(store, "one", "--rm");
  await store.ok(["restart", "-t", "1", "one"]);
  expect(await store.ok(["inspect", "-f", "{{.State.Running}} {{.HostConfig.AutoRemove}}", "one"])).toBe("true true");
  await store.ok(["stop", "-t", "1", "one"]);
  expect(await store.ok(["ps", "-aq"])).toBe("");
});

each([ROOT, ROOTLESS], "busybox")("what a restart of --rm that was cut off leaves is swept", async (store) => {
  const id = await container(store, "one", "--rm");
  const setAutoRemove = (value: number): void => {
    using db = new Database(join(store.root, "state.db"));
    db.query("UPDATE containers SET auto_remove = ? WHERE id = ?").run(value, id);
  };
  setAutoRemove(0);
  await store.ok(["stop", "-t", "1", "one"]);
  // as after a SIGKILL between the stop and the start
  setAutoRemove(1);
  rmSync(join(store.paths.run, "swept"), { force: true });
  await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(await store.ok(["ps", "-aq"])).toBe("");
});

each([ROOT], "busybox")("an attached run sees the end that a restart makes", async (store) => {
  const child = store.spawn(["run", "--name", "one", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", SCRIPT]);
  while ((await store.ok(["ps", "-q"])) === "") await Bun.sleep(20);
  await began(store, "one", 1);
  await store.ok(["restart", "-t", "5", "one"]);
  expect(await child.exited).toBe(4);
  expect(await store.ok(["inspect", "-f", "{{.State.Running}}", "one"])).toBe("true");
});

each([ROOT, ROOTLESS], "busybox")("rename: the new name counts, the old one is free", async (store) => {
  const id = await container(store, "one");
  const other = await store.ok(["create", "--name", "two", "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(await store.ok(["rename", "one", "/three"])).toBe("");
  expect(await store.ok(["ps", "--format", "{{.Names}}"])).toBe("three");
  expect(await store.ok(["inspect", "-f", "{{.Id}} {{.Name}}", "three"])).toBe(`${id} /three`);
  const last = events(store).at(-1);
  expect([last?.action, JSON.parse(last?.attributes ?? "{}")]).toEqual([
    "rename",
    expect.objectContaining({ name: "three", oldName: "/one" }),
  ]);
  const refused = async (from: string, to: string, message: string) => {
    const { code, stdout, stderr } = await store.hoy(["container", "rename", from, to]);
    expect([code, stdout, stderr]).toEqual([1, "", expect.stringContaining(message)]);
  };
  await refused("one", "four", "No such container: one");
  await refused("three", "two", `Conflict. The container name "/two" is already in use by container "${other}".`);
  await refused("three", "three", "Renaming a container with the same name as its current name");
  await refused("three", "a b", "Error when allocating new name: Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  await refused("three", " ", "Error: Neither old nor new names may be empty");
  await store.ok(["rename", id.slice(0, 8), "one"]);
  await store.ok(["restart", "-t", "1", "one"]);
});
