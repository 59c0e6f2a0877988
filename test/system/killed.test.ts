/** SIGKILL of every kind of our processes at random moments: the next command finds all in order, and nothing is left. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { busyboxLayer, dockerArchive } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";
import { fileBeside, holdings, NO_HOLDINGS } from "./image-store.ts";
import { rows, unrest } from "./rest.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const LONG_MS = 180_000;

/** Starts hoy, and kills it after so many milliseconds. */
async function cutOff(store: TestStore, ms: number, args: readonly string[]): Promise<void> {
  const child = store.spawn(args);
  await Bun.sleep(ms);
  child.kill("SIGKILL");
  await child.exited;
}

const flags = (store: TestStore, network: string): string[] => ["--network", network, "--rootfs", store.rootfs];

/** Host pids of this store's processes whose command line matches. */
function processes(pattern: RegExp, id: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
        return pattern.test(line) && line.includes(id);
      } catch {
        return false; // ended
      }
    });
}

const network = (title: string): string =>
  title === "root" || (title === "rootless" && available("slirp4netns", "user-tun")) ? "bridge" : "none";

all(
  "hoy run --rm, cut off at 0 to 60 ms",
  async (store, { title }) => {
    const rounds = title === "root" ? 60 : 25;
    for (let round = 0; round < rounds; round++)
      await cutOff(store, (round / rounds) * 60, [
        "run",
        "--rm",
        ...flags(store, round % 2 ? "none" : network(title)),
        "sh",
        "-c",
        "sleep 0.02",
      ]);
    expect(await unrest(store)).toEqual([]);
    expect(rows(store)).toEqual([]);
  },
  LONG_MS,
);

all(
  "hoy run -d and start, cut off within the first moments: kept, and none runs for ever",
  async (store, { title }) => {
    const rounds = title === "root" ? 30 : 15;
    // half as long again as this machine takes for a whole one, whatever else it does: some get through, most do not
    const started = performance.now();
    await store.ok(["run", "-d", "--rm", ...flags(store, network(title)), "true"]);
    const longest = Math.max(60, 1.5 * (performance.now() - started));
    for (let round = 0; round < rounds; round++) {
      const name = `c${round}`;
      await cutOff(store, (round / rounds) * longest, ["run", "-d", "--name", name, ...flags(store, network(title)), "sh", "-c", "exit 3"]);
      await cutOff(store, longest - (round / rounds) * longest, ["start", name]);
    }
    expect(await unrest(store)).toEqual([]);
    const kept = rows(store).filter(({ state }) => state === "exited");
    expect(kept.length).toBeGreaterThan(0);
    for (const { name } of rows(store))
      expect(await store.ok(["start", "-a", name]).catch((error: Error) => error.message)).toContain("ended with 3");
    expect(await unrest(store)).toEqual([]);
  },
  LONG_MS,
);

all(
  "hoy stop, rm -f and exec, cut off",
  async (store, { title }) => {
    for (let round = 0; round < 10; round++) {
      const name = `v${round}`;
      await store.ok(["run", "-d", "--name", name, "--stop-signal", "KILL", ...flags(store, network(title)), "sleep", "100"]);
      await cutOff(store, round * 4, ["exec", name, "sh", "-c", "sleep 0.05"]);
      await cutOff(store, round * 4, ["exec", "-d", name, "sleep", "50"]);
      await cutOff(store, round * 4, [...(round % 2 ? ["stop"] : ["rm", "-f"]), name]);
      await store.hoy(["rm", "-f", name]);
    }
    expect(await unrest(store)).toEqual([]);
    expect(rows(store)).toEqual([]);
  },
  LONG_MS,
);

all("the monitor: its container dies with it", async (store, { title }) => {
  const id = await store.ok(["run", "-d", "--name", "kept", ...flags(store, network(title)), "sleep", "100"]);
  const gone = await store.ok(["run", "-d", "--rm", ...flags(store, network(title)), "sleep", "100"]);
  for (const victim of [id, gone]) {
    const pids = processes(/^hoy-monitor/, victim.slice(0, 12));
    expect(pids).toHaveLength(1);
    process.kill(pids[0] as number, "SIGKILL");
  }
  expect(await unrest(store)).toEqual([]);
  expect(rows(store).map(({ name, state, exit_code }) => [name, state, exit_code])).toEqual([["kept", "exited", 137]]);
});

all("the monitor of an attached run: hoy says so, and cleans up", async (store, { title }) => {
  const child = store.spawn(["run", "--rm", "--name", "lost", ...flags(store, network(title)), "sh", "-c", "echo up; sleep 100"]);
  await child.stdout.getReader().read();
  const { id } = rows(store)[0] as { id: string };
  for (const pid of processes(/^hoy-monitor/, id.slice(0, 12))) process.kill(pid, "SIGKILL");
  expect(await child.exited).toBe(125);
  expect((await new Response(child.stderr).text()).trim().split("\n")[0]).toContain("monitor");
  expect(rows(store)).toEqual([]);
});

all("the engine that follows a detached container's end", async (store, { title }) => {
  let hits = 0;
  for (let round = 0; round < 15; round++) {
    const rm = round % 2 ? ["--rm"] : [];
    const id = await store.ok(["run", "-d", ...rm, ...flags(store, network(title)), "sh", "-c", "sleep 0.05; exit 4"]);
    const deadline = Date.now() + 300;
    for (let killed = false; !killed && Date.now() < deadline; await Bun.sleep(1))
      for (const pid of processes(/__followup/, id)) {
        await Bun.sleep(round * 2);
        try {
          process.kill(pid, "SIGKILL");
          hits++;
        } catch {
          // it was through already
        }
        killed = true;
      }
  }
  expect(await unrest(store)).toEqual([]);
  for (const { state, exit_code } of rows(store)) expect([state, exit_code]).toEqual(["exited", 4]);
  expect(rows(store)).toHaveLength(8);
  expect(hits).toBeGreaterThan(2);
});

all("what was committed is kept", async (store, { title }) => {
  const volume = join(store.dir, "data");
  writeFileSync(volume, "");
  await store.ok(["run", "--name", "writer", ...flags(store, network(title)), "sh", "-c", "echo one > /file"]);
  for (let round = 0; round < 10; round++) await cutOff(store, round * 5, ["run", "--rm", ...flags(store, "none"), "true"]);
  await cutOff(store, 20, ["start", "writer"]);
  expect(await unrest(store)).toEqual([]);
  expect(rows(store).map(({ name }) => name)).toEqual(["writer"]);
  expect(readFileSync(join(store.root, "containers", rows(store)[0]?.id as string, "upper", "file"), "utf8")).toBe("one\n");
});

each([ROOTLESS, PLAIN], "busybox")("the making of the user's namespace, and its holder", async (store) => {
  const call = ["run", "--rm", ...flags(store, "none"), "true"];
  for (let round = 0; round < 40; round++) {
    await cutOff(store, 8 + round / 2, call);
    await store.ok(call);
    const pid = Number(readFileSync(join(dirname(dirname(store.paths.run)), "pause.pid"), "utf8"));
    process.kill(pid, "SIGKILL");
    if (round % 2) await store.ok(call);
  }
  expect(await unrest(store)).toEqual([]);
});

each([ROOTLESS, PLAIN], "busybox")(
  "the holder of the user's namespace, with a container running: the next command goes on in the same one",
  async (store) => {
    const id = await store.ok(["run", "-d", ...flags(store, "none"), "sh", "-c", "echo kept > /file; sleep 100"]);
    const file = join(dirname(dirname(store.paths.run)), "pause.pid");
    for (let round = 0; round < 2; round++) {
      const pid = Number(readFileSync(file, "utf8"));
      process.kill(pid, "SIGKILL");
      while (processes(/^hoy-pause/, "").includes(pid)) await Bun.sleep(5);
      expect(await store.ok(["exec", id, "cat", "/file"])).toBe("kept");
      expect(await store.ok(["run", "--rm", ...flags(store, "none"), "echo", "in"])).toBe("in");
    }
    await store.ok(["stop", "-t", "0", id]);
    expect(await store.ok(["wait", id])).toBe("137");
    expect(await unrest(store)).toEqual([]);
  },
);

all(
  "cp and commit, cut off at 0 to 150 ms, leave the container as it is and nothing else",
  async (store, { title }) => {
    const rounds = title === "root" ? 24 : 10;
    await store.ok(["load", "-i", fileBeside(store, "b.tar", dockerArchive({ layers: [busyboxLayer()] }, "b:1"))]);
    await store.ok(["run", "-d", "--name", "run", "--network", "none", "b:1", "sh", "-c", "head -c 40000000 /dev/zero >/big; sleep 600"]);
    await store.ok(["create", "--name", "made", "--network", "none", "-v", "vol:/vol", "b:1", "true"]);
    const file = fileBeside(store, "big", Buffer.alloc(40_000_000));
    for (let round = 0; round < rounds; round++) {
      const ms = (round / rounds) * 150;
      await cutOff(store, ms, ["commit", "run", "half:1"]);
      await cutOff(store, ms, ["cp", file, `run:/copy${round}`]);
      await cutOff(store, ms, ["cp", file, `made:/vol/copy${round}`]);
    }
    expect(await store.ok(["exec", "run", "echo", "goes on"])).toBe("goes on");
    const id = await store.ok(["commit", "run", "whole:1"]);
    expect(await store.ok(["run", "--rm", "--network", "none", "whole:1", "stat", "-c", "%s", "/big"])).toBe("40000000");
    expect(await store.ok(["images", "-q", "--no-trunc", "whole:1"])).toBe(id);
    await store.ok(["start", "-a", "made"]);
    await store.ok(["rm", "-f", "-v", "run", "made"]);
    await store.ok(["volume", "rm", "vol"]);
    await store.ok(["rmi", "-f", ...(await store.ok(["images", "-aq"])).split("\n").filter((one, at, all) => all.indexOf(one) === at)]);
    expect(await unrest(store)).toEqual([]);
    expect(holdings(store)).toEqual(NO_HOLDINGS);
  },
  LONG_MS,
);
