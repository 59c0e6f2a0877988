/** What of hoy itself a container, or another user of the host, can reach: nothing. And what a container costs that only waits. */
import { expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { query, unrest } from "./rest.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const none = (store: TestStore): string[] => ["--network", "none", "--rootfs", store.rootfs];

all("CVE-2019-5736: no executable of hoy's is to be seen or written", async (store) => {
  const look = "readlink /proc/self/exe; readlink /proc/1/exe";
  expect(await store.ok(["run", "--rm", ...none(store), "sh", "-c", look])).toBe("/bin/busybox\n/bin/busybox");
  const id = await store.ok(["run", "-d", ...none(store), "sleep", "60"]);
  expect(await store.ok(["exec", id, "sh", "-c", look])).toBe("/bin/busybox\n/bin/busybox");
  expect(await store.ok(["exec", "-t", id, "readlink", "/proc/self/exe"])).toContain("/bin/busybox");
  await store.ok(["rm", "-f", id]);
  // With --init PID 1 is the player in its sealed memfd.
  const write =
    "readlink /proc/1/exe; (echo x >> /proc/1/exe) 2>/dev/null && echo written; (echo x > /proc/1/exe) 2>/dev/null && echo written; true";
  const shown = await store.ok(["run", "--rm", "--init", ...none(store), "sh", "-c", write]);
  expect(shown).not.toContain("written");
  expect(shown).not.toContain("/hoy ");
});

all("CVE-2020-15257: no abstract socket of hoy's with --network host", async (store) => {
  const id = await store.ok(["run", "-d", ...none(store), "sleep", "60"]);
  const sockets = await store.ok(["run", "--rm", "--network", "host", "--rootfs", store.rootfs, "cat", "/proc/net/unix"]);
  expect(sockets.split("\n").filter((line) => /@.*hoy/i.test(line))).toEqual([]);
  await store.ok(["rm", "-f", id]);
});

all("CVE-2021-41091, CVE-2021-41103: the folders of the store are closed to other users", async (store) => {
  const id = await store.ok(["create", "--name", "one", "-v", "data:/data", ...none(store), "true"]);
  for (const name of ["blobs", "layers", "containers", "volumes", "tmp", join("containers", id)]) {
    const { mode } = statSync(join(store.root, name));
    expect([name, (mode & 0o067).toString(8)]).toEqual([name, "0"]);
  }
  for (const name of readdirSync(store.root).filter((name) => name.startsWith("state.db")))
    expect([name, statSync(join(store.root, name)).mode & 0o077]).toEqual([name, 0]);
  expect(statSync(store.paths.run).mode & 0o077).toBe(0);
});

all("CVE-2022-24769, CVE-2022-29162: exec gives no inheritable or ambient capability", async (store) => {
  const id = await store.ok(["run", "-d", ...none(store), "sleep", "60"]);
  const people =
    store.user && store.paths.rootless && !(await hasRanges(store))
      ? [[]]
      : [[], ["-u", "1000"], ["-u", "1000", "--privileged"], ["--privileged"]];
  for (const flags of people) {
    const status = await store.ok(["exec", ...flags, id, "grep", "-E", "^Cap(Inh|Amb)", "/proc/self/status"]);
    expect([flags, status.replaceAll(/\s+/g, " ")]).toEqual([flags, "CapInh: 0000000000000000 CapAmb: 0000000000000000"]);
  }
  await store.ok(["rm", "-f", id]);
});

/** A user without subordinate ids can be nobody else in a container. */
const hasRanges = async (store: TestStore): Promise<boolean> =>
  (await store.hoy(["run", "--rm", "-u", "1000", ...none(store), "true"])).code === 0;

/** Host pids of this store's monitors. */
function monitors(ids: ReadonlySet<string>): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const [title = ""] = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
        return title.startsWith("hoy-monitor ") && ids.has(title.slice("hoy-monitor ".length));
      } catch {
        return false; // ended
      }
    });
}

const pss = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);

each([ROOT, ROOTLESS], "busybox")(
  "a hundred idle containers: nothing but the monitors, and those below 100 kB each",
  async (store) => {
    for (let batch = 0; batch < 10; batch++)
      await Promise.all(Array.from({ length: 10 }, () => store.ok(["run", "-d", ...none(store), "sleep", "600"])));
    const ids = query<{ id: string }>(store, "SELECT id FROM containers WHERE state = 'running'").map(({ id }) => id);
    expect(ids).toHaveLength(100);
    const pids = monitors(new Set(ids.map((id) => id.slice(0, 12))));
    expect(pids).toHaveLength(100);
    expect(Math.max(...pids.map(pss))).toBeLessThanOrEqual(100);
    await store.ok(["rm", "-f", ...ids]);
    expect(await unrest(store)).toEqual([]);
  },
  120_000,
);
