/** `top` and `stats`. */
import { expect } from "bun:test";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";

async function container(store: TestStore, name: string, command: string, ...flags: string[]): Promise<void> {
  await store.ok(["run", "-d", "--name", name, "--network", "none", ...flags, "--rootfs", store.rootfs, "sh", "-c", command]);
}

each(
  [ROOT, ROOTLESS],
  "busybox",
  "ps",
  "working-ps",
)("top shows the container's processes, and them alone", async (store) => {
  await container(store, "one", "sleep 1001 & sleep 1002; :");
  await container(store, "two", "sleep 1003");
  const pid = await store.ok(["inspect", "-f", "{{.State.Pid}}", "one"]);
  const lines = async (...options: string[]) => (await store.ok(["top", "one", ...options])).split("\n");
  for (let left = 100; (await lines()).length < 4 && left > 0; left--) await Bun.sleep(20);
  const [head, ...processes] = await lines();
  expect(head?.split(/ +/)).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
  expect(head?.indexOf("PID")).toBe(20);
  expect(processes.map((line) => line.split(/ {2,}/).at(-1))).toEqual(["sh -c sleep 1001 & sleep 1002; :", "sleep 1001", "sleep 1002"]);
  expect(processes[0]?.split(/ +/)[1]).toBe(pid);
  const chosen = await lines("-o", "pid,args");
  expect(chosen[0]).toBe(`${"PID".padEnd(20)}COMMAND`);
  expect(chosen).toHaveLength(4);
  // not to be had together with -q
  expect(await lines("axf", "-o", "pid")).toHaveLength(4);
  const refused = async (args: readonly string[], message: string, env = {}) => {
    const { code, stderr } = await store.hoy(["top", ...args], { env });
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  };
  await refused(["one", "-o", "ppid=PID"], 'specifying "ppid=PID" is not allowed');
  await refused(["one", "-o", "comm"], "Couldn't find PID field in ps output");
  await refused(["one", "--no-such-option"], "error: ");
  await refused(["one"], "the program ps is not installed on the host", { PATH: "/nonexistent" });
  await store.ok(["stop", "-t", "0", "one"]);
  await refused(["one"], "is not running");
});

interface Line {
  Container: string;
  ID: string;
  Name: string;
  CPUPerc: string;
  MemUsage: string;
  PIDs: string;
}

const jsonLines = (text: string): Line[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

each([ROOT, ROOTLESS], "busybox")("stats tells a busy container from an idle one", async (store) => {
  await container(store, "busy", "while :; do :; done");
  await container(store, "idle", "sleep 1000 & sleep 1000");
  await store.ok(["create", "--name", "never", "--network", "none", "--rootfs", store.rootfs, "true"]);
  const lines = jsonLines(await store.ok(["stats", "--no-stream", "--format", "json"]));
  expect(lines.map(({ Name }) => Name)).toEqual(["idle", "busy"]);
  const [idle, busy] = lines as [Line, Line];
  expect(Number.parseFloat(busy.CPUPerc)).toBeGreaterThan(15);
  expect(Number.parseFloat(busy.CPUPerc)).toBeLessThan(130);
  expect(Number.parseFloat(idle.CPUPerc)).toBeLessThan(10);
  expect(Number(idle.PIDs)).toBeGreaterThanOrEqual(2);
  expect(idle.Container).toBe(idle.ID);
  expect(busy.MemUsage).toMatch(/^[1-9][\d.]*[KM]iB \/ [\d.]+GiB$/);
  const table = await store.ok(["stats", "--no-stream", "-a", "--no-trunc"]);
  expect(table.split("\n")[0]).toMatch(/^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/);
  expect(table).toMatch(/\n[0-9a-f]{64} +never +0\.00% +0B \/ 0B +0\.00% +0B \/ 0B +0B \/ 0B +0\n/);
  expect(await store.ok(["stats", "--no-stream", "--format", "{{.Container}} {{.NetIO}}", "never"])).toBe("never 0B / 0B");
  const { code, stderr } = await store.hoy(["stats", "busy", "none"]);
  expect([code, stderr]).toEqual([1, "hoy: No such container: none\n"]);
});

each(
  [ROOT],
  "busybox",
  "memory-cgroup",
  "pids-cgroup",
)("stats knows a limit, and what was written to memory", async (store) => {
  await container(store, "one", "head -c 20000000 /dev/zero | tail -c 19000000 | sleep 1000", "-m", "64m");
  const line = async () => jsonLines(await store.ok(["stats", "--no-stream", "--format", "json", "one"]))[0];
  let found = await line();
  for (let left = 50; left > 0 && Number.parseFloat(found?.MemUsage ?? "") < 15; left--) found = await line();
  expect(found?.MemUsage).toMatch(/^\d\d\.?\d*MiB \/ 64MiB$/);
});

each(
  [ROOT],
  "busybox",
  "nf_tables",
)("stats counts what comes over the container's network", async (store) => {
  await store.ok([
    "run",
    "-d",
    "--name",
    "one",
    "--rootfs",
    store.rootfs,
    "sh",
    "-c",
    "ping -c 5 -i 0.1 -s 1000 $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p'); sleep 1000",
  ]);
  const sent = async () => await store.ok(["stats", "--no-stream", "--format", "{{.NetIO}}", "one"]);
  let found = await sent();
  for (let left = 50; left > 0 && !/[1-9][\d.]*kB$/.test(found); left--) found = await sent();
  expect(found).toMatch(/^[1-9][\d.]*kB \/ [1-9][\d.]*kB$/);
});

each([ROOT], "busybox")(
  "stats goes on until the containers that were named are gone, without control sequences in a pipe",
  async (store) => {
    await container(store, "one", "sleep 1000");
    const child = store.spawn(["stats", "--format", "{{.Name}} {{.PIDs}}", "one"]);
    await Bun.sleep(1500);
    await store.ok(["rm", "-f", "one"]);
    expect(await child.exited).toBe(0);
    const text = await new Response(child.stdout).text();
    expect(text).toMatch(/^(one \d+\n)+$/);
    expect(text.split("\n").length).toBeGreaterThan(2);
  },
);

each([ROOT], "busybox")(
  "stats of 50 containers is one wait, and not one for each",
  async (store) => {
    const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
    for (const name of names) await container(store, name, "sleep 1000");
    const time = async (...only: string[]): Promise<number> => {
      const begin = performance.now();
      const lines = (await store.ok(["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", ...only])).split("\n");
      expect(lines).toHaveLength(only.length || 50);
      return performance.now() - begin;
    };
    const [one, all] = [await time("c0"), await time()];
    // 0.3 s are the budget on a quiet machine; each by itself would wait for 100 ms
    expect(all - one).toBeLessThan(49 * 100);
  },
  300_000,
);
