/** SIGKILL of restart, pause, unpause, prune, and of containers under a restart policy, at random moments. */
import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { rows, unrest } from "./rest.ts";

const LONG_MS = 180_000;

async function cutOff(store: TestStore, ms: number, args: readonly string[]): Promise<void> {
  const child = store.spawn(args);
  await Bun.sleep(ms);
  child.kill("SIGKILL");
  await child.exited;
}

const status = (store: TestStore, name: string): Promise<string> => store.ok(["inspect", "-f", "{{.State.Status}}", name]);
const over = (store: TestStore, ...flags: string[]): string[] => ["run", "-d", "--network", "none", ...flags, "--rootfs", store.rootfs];

/** The next command that changes something sweeps at once. */
const letSweep = (store: TestStore): void => rmSync(join(store.paths.run, "swept"), { force: true });

each([ROOT, ROOTLESS], "busybox")(
  "restart, cut off at 0 to 60 ms",
  async (store) => {
    await store.ok([...over(store, "--name", "one"), "sleep", "1000"]);
    const rounds = 30;
    for (let round = 0; round < rounds; round++) {
      await cutOff(store, (round / rounds) * 60, ["restart", "-t", "0", "one"]);
      expect(["running", "exited"]).toContain(await status(store, "one"));
      // the signal of the cut off command may act in just this moment: then it ends after the first start has seen it run
      await store.ok(["start", "one"]);
      await Bun.sleep(50);
      await store.ok(["start", "one"]);
      expect(await store.ok(["exec", "one", "echo", "on"])).toBe("on");
    }
    await store.ok(["stop", "-t", "0", "one"]);
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

each([ROOT, ROOTLESS], "busybox")(
  "restart of a container of --rm, cut off at 0 to 60 ms: it runs, or is gone",
  async (store) => {
    const rounds = 25;
    for (let round = 0; round < rounds; round++) {
      await store.ok([...over(store, "--rm", "--name", "one"), "sleep", "1000"]);
      await cutOff(store, (round / rounds) * 60, ["restart", "-t", "0", "one"]);
      await Bun.sleep(50); // a signal that was sent has acted
      letSweep(store);
      await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"]);
      const left = rows(store);
      if (left.length > 0) {
        expect(await status(store, "one")).toBe("running");
        await store.ok(["kill", "one"]);
      }
      expect(rows(store)).toEqual([]);
    }
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

each([ROOT], "busybox", "freezer")(
  "pause and unpause, cut off at 0 to 30 ms: what it is said to be is what it is",
  async (store) => {
    await store.ok([...over(store, "--name", "one"), "sleep", "1000"]);
    const rounds = 40;
    for (let round = 0; round < rounds; round++) {
      await cutOff(store, (round / rounds) * 30, [round % 2 ? "unpause" : "pause", "one"]);
      const paused = (await status(store, "one")) === "paused";
      const { code, stdout } = await store.hoy(["exec", "one", "echo", "on"]);
      expect([code, stdout]).toEqual(paused ? [1, ""] : [0, "on\n"]);
    }
    await store.ok(["stop", "-t", "0", "one"]);
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

each([ROOT, ROOTLESS], "busybox")(
  "container prune, cut off at 0 to 60 ms",
  async (store) => {
    const rounds = 20;
    for (let round = 0; round < rounds; round++) {
      for (let count = 0; count < 3; count++) await store.ok(["create", "-v", "/v", "--rootfs", store.rootfs, "true"]);
      await cutOff(store, (round / rounds) * 60, ["system", "prune", "-f", "--volumes"]);
    }
    await store.ok(["system", "prune", "-f", "--volumes"]);
    expect(rows(store)).toEqual([]);
    expect(await store.ok(["volume", "ls", "-q"])).toBe("");
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

each([ROOT, ROOTLESS], "busybox")(
  "start and stop of a container that restarts, cut off at 0 to 60 ms: a stop that was finished holds",
  async (store) => {
    await store.ok(["create", "--name", "one", "--restart", "always", "--network", "none", "--rootfs", store.rootfs, "false"]);
    const rounds = 25;
    for (let round = 0; round < rounds; round++) {
      await cutOff(store, (round / rounds) * 60, ["start", "one"]);
      await cutOff(store, (1 - round / rounds) * 60, ["stop", "one"]);
      letSweep(store);
      await store.ok(["stop", "one"]);
      expect([round, await status(store, "one")]).toEqual([round, expect.stringMatching(/^(created|exited)$/)]);
    }
    await Bun.sleep(1500);
    expect(["created", "exited"]).toContain(await status(store, "one"));
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);
