/** `pause` and `unpause`: what stands still, what is refused meanwhile, and what a stop or a kill makes of it. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";
import { query } from "./rest.ts";

/** Counts in a file of its root, which lies on the host. */
async function counter(store: TestStore, name: string, ...flags: string[]): Promise<void> {
  const script = "trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.02; done";
  await store.ok(["run", "-d", "--name", name, "--network", "none", ...flags, "--rootfs", store.rootfs, "sh", "-c", script]);
}

async function counts(store: TestStore, name: string): Promise<boolean> {
  const pid = await store.ok(["inspect", "-f", "{{.State.Pid}}", name]);
  const read = async () => await Bun.file(`/proc/${pid}/root/tmp/count`).text();
  const before = await read();
  await Bun.sleep(200);
  return (await read()) !== before;
}

const status = async (store: TestStore, name: string): Promise<string> =>
  await store.ok(["inspect", "-f", "{{.State.Status}} {{.State.Running}} {{.State.Paused}}", name]);

async function refused(store: TestStore, args: readonly string[], message: string): Promise<void> {
  const { code, stderr } = await store.hoy(args);
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
}

const actions = (store: TestStore): string[] =>
  query<{ action: string }>(store, "SELECT action FROM events ORDER BY seq").map(({ action }) => action);

each(
  [ROOT],
  "busybox",
  "freezer",
)("a paused container stands still until it is unpaused", async (store) => {
  await counter(store, "one");
  await Bun.sleep(100);
  expect(await counts(store, "one")).toBe(true);
  expect(await store.ok(["pause", "one"])).toBe("one");
  expect(await counts(store, "one")).toBe(false);
  expect(await status(store, "one")).toBe("paused true true");
  expect(await store.ok(["ps", "--format", "{{.Status}} {{.State}}"])).toMatch(/^Up .* \(Paused\) paused$/);
  expect(await store.ok(["ps", "-q", "--no-trunc", "--filter", "status=running"])).toBe("");
  expect(await store.ok(["ps", "--filter", "status=paused", "--format", "{{.Names}}"])).toBe("one");
  expect(await store.ok(["info", "-f", "{{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}"])).toBe("0 1 0");
  const id = await store.ok(["inspect", "-f", "{{.Id}}", "one"]);
  await refused(store, ["pause", "one"], `Container ${id} is already paused`);
  await refused(store, ["exec", "one", "true"], `Container ${id} is paused, unpause the container before exec`);
  await refused(store, ["rm", "one"], "container is paused and must be unpaused first");
  await refused(store, ["start", "one"], "cannot start a paused container, try unpause instead");
  await refused(store, ["attach", "one"], "You cannot attach to a paused container, unpause it first");
  expect(await store.ok(["unpause", "one"])).toBe("one");
  expect(await counts(store, "one")).toBe(true);
  expect(await status(store, "one")).toBe("running true false");
  await refused(store, ["unpause", "one"], `Container ${id} is not paused`);
  expect(await store.ok(["exec", "one", "echo", "on"])).toBe("on");
  expect(actions(store).filter((action) => action.endsWith("pause"))).toEqual(["pause", "unpause"]);
  await store.ok(["stop", "-t", "0", "one"]);
  await refused(store, ["pause", "one"], `container ${id} is not running`);
});

each(
  [ROOT],
  "busybox",
  "freezer",
)("stop, kill, restart and rm -f end a paused container", async (store) => {
  await counter(store, "one");
  await store.ok(["pause", "one"]);
  // its handler runs: it was let go for the signal
  await store.ok(["stop", "one"]);
  expect(await store.ok(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "one"])).toBe("exited 7");
  await store.ok(["start", "one"]);
  expect(await status(store, "one")).toBe("running true false");
  await store.ok(["pause", "one"]);
  await store.ok(["kill", "one"]);
  expect(await store.ok(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "one"])).toBe("exited 137");
  await store.ok(["start", "one"]);
  await store.ok(["pause", "one"]);
  await store.ok(["restart", "-t", "5", "one"]);
  expect(await counts(store, "one")).toBe(true);
  await store.ok(["pause", "one"]);
  await store.ok(["rm", "-f", "one"]);
  expect(await store.ok(["ps", "-aq"])).toBe("");
});

each(
  [ROOT],
  "busybox",
  "freezer",
)("a pause that was cut off before the freezing leaves a running container", async (store) => {
  await counter(store, "one");
  const id = await store.ok(["inspect", "-f", "{{.Id}}", "one"]);
  const mark = join(store.paths.run, "containers", id.slice(0, 12), "paused");
  await store.ok(["pause", "one"]);
  const written = await Bun.file(mark).text();
  await store.ok(["unpause", "one"]);
  for (const left of [written, written.slice(0, 10), ""]) {
    writeFileSync(mark, left);
    expect(await status(store, "one")).toBe("running true false");
    expect(await store.ok(["exec", "one", "echo", "on"])).toBe("on");
  }
  await store.ok(["pause", "one"]);
  expect(await status(store, "one")).toBe("paused true true");
});

each([ROOTLESS], "busybox")("without a cgroup of its own a container cannot be paused, and that is said", async (store) => {
  await counter(store, "one");
  const { code, stderr } = await store.hoy(["pause", "one"]);
  if (available("cgroup-v2") && code === 0) return expect(await status(store, "one")).toBe("paused true true");
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^hoy: Cannot pause container [0-9a-f]{64}: it has no cgroup that can be frozen/),
  ]);
  expect(await status(store, "one")).toBe("running true false");
});
