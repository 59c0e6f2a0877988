/** Many commands at the same time, on the same store and on the same container: no crash, no dead lock, nothing left, right codes. */
import { expect } from "bun:test";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { rows, unrest } from "./rest.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const LONG_MS = 180_000;

const times = <T>(count: number, body: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => body(index)));

const flags = (store: TestStore, network = "none"): string[] => ["--network", network, "--rootfs", store.rootfs];

/** A command that is told to end ends; a shell as PID 1 would not. */
const POLITE = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.02; done"];

all(
  "fifty runs at once, on a store that does not exist yet",
  async (store) => {
    const outcomes = await times(50, (index) => store.hoy(["run", "--rm", ...flags(store), "sh", "-c", `echo ${index}; exit ${index}`]));
    expect(outcomes).toEqual(outcomes.map((_, index) => ({ code: index, stdout: `${index}\n`, stderr: "" })));
    expect(await unrest(store)).toEqual([]);
    expect(rows(store)).toEqual([]);
  },
  LONG_MS,
);

each([ROOT], "busybox", "nf_tables")(
  "fifty runs at once on the bridge, each with an address of its own",
  async (store) => {
    const script = "ip -4 -o addr show eth0 | sed 's/.*inet //; s,/.*,,'; sleep 0.5";
    const outcomes = await times(50, () => store.hoy(["run", "--rm", ...flags(store, "bridge"), "sh", "-c", script]));
    expect(outcomes.filter(({ code, stderr }) => code !== 0 || stderr !== "")).toEqual([]);
    expect(new Set(outcomes.map(({ stdout }) => stdout.trim())).size).toBe(50);
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

all(
  "detached runs, then rm -f of all at once, from two sides",
  async (store, { title }) => {
    for (let round = 0; round < 3; round++) {
      const ids = await times(8, () => store.ok(["run", "-d", ...flags(store, title === "root" ? "bridge" : "none"), "sleep", "100"]));
      const [one, other] = await Promise.all([store.hoy(["rm", "-f", ...ids]), store.hoy(["rm", "-f", ...ids.toReversed()])]);
      // Whichever comes second finds it gone, or waits until it is.
      for (const { stderr } of [one, other]) expect(stderr.replaceAll(/hoy: No such container: [0-9a-f]+\n/g, "")).toBe("");
      expect(rows(store)).toEqual([]);
    }
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

all("one name for many: one gets it, the others are told", async (store) => {
  const outcomes = await times(8, () => store.hoy(["run", "-d", "--name", "one", ...flags(store), "sleep", "100"]));
  expect(outcomes.filter(({ code }) => code === 0)).toHaveLength(1);
  for (const { code, stderr } of outcomes) if (code !== 0) expect([code, stderr]).toEqual([125, expect.stringContaining("already in use")]);
  expect(rows(store).map(({ name, state }) => [name, state])).toEqual([["one", "running"]]);
  await store.ok(["rm", "-f", "one"]);
  expect(await unrest(store)).toEqual([]);
});

all("several starts of a container at once: it runs once, and all are content", async (store) => {
  for (let round = 0; round < 4; round++) {
    await store.ok(["create", "--name", "one", ...flags(store), "sh", "-c", "echo x >> /count; exec sleep 100"]);
    await times(4, () => store.ok(["start", "one"]));
    for (const end = Date.now() + 5_000; Date.now() < end; await Bun.sleep(20))
      if ((await store.ok(["exec", "one", "sh", "-c", "cat /count 2>/dev/null || true"])) === "x") break;
    expect(await store.ok(["exec", "one", "cat", "/count"])).toBe("x");
    await store.ok(["rm", "-f", "one"]);
  }
  expect(await unrest(store)).toEqual([]);
});

all(
  "stop, kill, start and rm -f of a container at once",
  async (store) => {
    for (let round = 0; round < 8; round++) {
      await store.ok(["run", "-d", "--name", "one", ...flags(store), ...POLITE]);
      const others = [
        ["stop", "-t", "2", "one"],
        ["kill", "one"],
        ["start", "one"],
        ["stop", "-t", "2", "one"],
        ["wait", "one"],
      ];
      const running = others.map((args) => store.hoy(args));
      await Bun.sleep(round * 5);
      const removed = await store.hoy(["rm", "-f", "one"]);
      const outcomes = await Promise.all(running);
      expect([removed.code, removed.stderr]).toEqual([0, ""]);
      for (const { code, stderr } of outcomes) {
        expect([0, 1]).toContain(code);
        expect(stderr.replace(/^hoy: (No such container: one|container [0-9a-f]+ is not running|Cannot kill container.*)\n$/i, "")).toBe(
          "",
        );
      }
      expect(rows(store)).toEqual([]);
    }
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

all(
  "exec while the container stops: its own code, or a line that says why",
  async (store) => {
    for (let round = 0; round < 8; round++) {
      await store.ok(["run", "-d", "--name", "one", ...flags(store), ...POLITE]);
      const stopping = Bun.sleep(round * 4).then(() => store.hoy(["stop", "-t", "2", "one"]));
      const outcomes = await times(6, async (index) => {
        await Bun.sleep(index * 5);
        return await store.hoy(["exec", "one", "sh", "-c", "echo in; sleep 0.01; exit 5"]);
      });
      expect((await stopping).code).toBe(0);
      for (const { code, stderr } of outcomes) {
        // 137: the end of the container killed it. 1: the container did not run any more.
        expect([code, stderr, [5, 137, 1].includes(code)]).toEqual([code, stderr, true]);
        expect(stderr.trim().split("\n").length).toBeLessThan(2);
        if (code === 1) expect(stderr).toContain("is not running");
      }
      await store.ok(["rm", "-f", "one"]);
    }
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);
