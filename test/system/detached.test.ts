/** Containers in the background: -d, wait, stop, kill, start, rm; names and ids. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

/** Starts a detached container and returns its id. */
const detach = (store: TestStore, flags: readonly string[], ...command: string[]): Promise<string> =>
  store.ok(["run", "-d", "--network", "none", ...flags, "--rootfs", store.rootfs, ...command]);

all("-d prints the id; wait the exit code; rm the name", async (store) => {
  const id = await detach(store, ["--name", "job"], "sh", "-c", "sleep 0.2; exit 9");
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await store.ok(["wait", "job"])).toBe("9");
  expect(await store.ok(["wait", id.slice(0, 8)])).toBe("9");
  expect(await store.ok(["rm", "job"])).toBe("job");
  const { code, stderr } = await store.hoy(["wait", id]);
  expect(code).toBe(1);
  expect(stderr).toContain("No such container");
});

all("--rm takes a detached container away at its end", async (store) => {
  const id = await detach(store, ["--rm"], "sleep", "60");
  const waiting = store.ok(["wait", id]);
  await Bun.sleep(300);
  await store.ok(["kill", id]);
  expect(await waiting).toBe("137");
  for (const end = Date.now() + 5_000; (await store.hoy(["wait", id])).code === 0; await Bun.sleep(50))
    if (Date.now() > end) throw new Error("the container is still there");
});

all("kill ends it with 137, stop with 143 or, after its time, 137", async (store) => {
  const loop = "trap 'exit 5' TERM; while true; do sleep 0.05; done";
  await detach(store, ["--name", "killed"], "sleep", "60");
  expect(await store.ok(["kill", "killed"])).toBe("killed");
  expect(await store.ok(["wait", "killed"])).toBe("137");
  await detach(store, ["--name", "polite"], "sh", "-c", loop);
  await Bun.sleep(200);
  expect(await store.ok(["stop", "polite"])).toBe("polite");
  expect(await store.ok(["wait", "polite"])).toBe("5");
  await detach(store, ["--name", "deaf"], "sleep", "60");
  const started = Date.now();
  await store.ok(["stop", "-t", "1", "deaf"]);
  expect(Date.now() - started).toBeGreaterThan(900);
  expect(await store.ok(["wait", "deaf"])).toBe("137");
});

all("kill waits for the end: what was killed can be removed at once", async (store) => {
  for (let round = 0; round < 5; round++) {
    await detach(store, ["--name", "killed"], "sleep", "60");
    await store.ok(["kill", "killed"]);
    await store.ok(["rm", "killed"]);
  }
  await detach(store, ["--name", "hears"], "sh", "-c", "trap '' HUP; while true; do sleep 0.05; done");
  await store.ok(["kill", "-s", "HUP", "hears"]);
  expect((await store.hoy(["rm", "hears"])).stderr).toContain("container is running");
  await store.ok(["rm", "-f", "hears"]);
});

all("--stop-signal", async (store) => {
  await detach(store, ["--name", "odd", "--stop-signal", "USR1"], "sh", "-c", "trap 'exit 4' USR1; while true; do sleep 0.05; done");
  await Bun.sleep(200);
  await store.ok(["stop", "odd"]);
  expect(await store.ok(["wait", "odd"])).toBe("4");
});

all("a name is taken until its container is gone", async (store) => {
  await detach(store, ["--name", "one"], "sleep", "60");
  const again = await store.hoy(["run", "-d", "--network", "none", "--name", "one", "--rootfs", store.rootfs, "true"]);
  expect([again.code, again.stdout]).toEqual([125, ""]);
  expect(again.stderr).toContain("one");
  const running = await store.hoy(["rm", "one"]);
  expect(running.code).toBe(1);
  await store.ok(["rm", "-f", "one"]);
  await detach(store, ["--name", "one"], "true");
});

all("create, start, start again", async (store) => {
  const id = await store.ok([
    "create",
    "--name",
    "again",
    "--network",
    "none",
    "--rootfs",
    store.rootfs,
    "sh",
    "-c",
    "echo x >> /count; wc -l < /count",
  ]);
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(await store.ok(["start", "-a", "again"])).toBe("1");
  expect(await store.ok(["start", "-a", "again"])).toBe("2");
});

all("inspect lists the processes that joined under a monitor while they run", async (store) => {
  const id = await detach(store, [], "sleep", "60");
  const ids = async () => JSON.parse(await store.ok(["inspect", "-f", "{{json .ExecIDs}}", id]));
  expect(await ids()).toBeNull();
  await store.ok(["exec", "-d", id, "sh", "-c", "until [ -e /done ]; do sleep 0.05; done"]);
  expect(await ids()).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  await store.ok(["exec", id, "touch", "/done"]);
  for (const end = Date.now() + 10_000; (await ids()) !== null && Date.now() < end; ) await Bun.sleep(20);
  expect(await ids()).toBeNull();
  await store.ok(["rm", "-f", id]);
});

all("--cidfile holds the id, and is not overwritten", async (store) => {
  const file = join(store.dir, "cid");
  const id = await detach(store, ["--cidfile", file], "true");
  expect(readFileSync(file, "utf8")).toBe(id);
  const { code } = await store.hoy(["run", "-d", "--cidfile", file, "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(code).toBe(125);
});

all("SIGKILL of an attached hoy leaves the container running, and --rm still happens", async (store) => {
  const child = store.spawn([
    "run",
    "--rm",
    "--name",
    "orphan",
    "--network",
    "none",
    "--rootfs",
    store.rootfs,
    "sh",
    "-c",
    "echo up; sleep 1; exit 6",
  ]);
  await child.stdout.getReader().read();
  child.kill("SIGKILL");
  await child.exited;
  expect(await store.ok(["wait", "orphan"])).toBe("6");
  for (const end = Date.now() + 5_000; (await store.hoy(["wait", "orphan"])).code === 0; await Bun.sleep(50))
    if (Date.now() > end) throw new Error("the container is still there");
});

all("ten at the same time", async (store) => {
  const ids = await Promise.all(Array.from({ length: 10 }, (_, index) => detach(store, [], "sh", "-c", `exit ${index}`)));
  expect(await store.ok(["wait", ...ids])).toBe(ids.map((_, index) => index).join("\n"));
});
