/** Restart policies without a daemon: who starts a container again, what ends that, and what a SIGKILL leaves. */
import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { query } from "./rest.ts";

const over = (store: TestStore, command: string, name: string, policy: string, ...script: string[]): string[] => [
  ...command.split(" "),
  "--name",
  name,
  "--restart",
  policy,
  "--network",
  "none",
  "--rootfs",
  store.rootfs,
  "sh",
  "-c",
  ...script,
];

const inspect = (store: TestStore, name: string, format: string): Promise<string> => store.ok(["inspect", "-f", format, name]);
const status = (store: TestStore, name: string): Promise<string> => inspect(store, name, "{{.State.Status}}");

async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await test()); await Bun.sleep(30)) if (Date.now() > end) throw new Error(`not in 30 s: ${what}`);
}

const restarting = (store: TestStore, name: string): Promise<void> =>
  until(`${name} waits for its restart`, async () => (await status(store, name)) === "restarting");

/** Pids of the processes that do what follows the container's end. */
const followups = (id: string): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").endsWith(`__followup\0${id}\0`);
      } catch {
        return false;
      }
    });

each([ROOT, ROOTLESS], "busybox")("on-failure:2 runs three times, and says how often", async (store) => {
  await store.ok(over(store, "run -d", "one", "on-failure:2", "echo run; exit 3"));
  await until("it is over", async () => (await status(store, "one")) === "exited");
  expect(await store.ok(["logs", "one"])).toBe("run\nrun\nrun");
  expect(await inspect(store, "one", "{{.RestartCount}} {{.State.ExitCode}} {{json .HostConfig.RestartPolicy}}")).toBe(
    '2 3 {"Name":"on-failure","MaximumRetryCount":2}',
  );
  const actions = query<{ action: string }>(store, "SELECT action FROM events ORDER BY seq").map(({ action }) => action);
  expect(actions).toEqual(["create", "start", "die", "start", "die", "start", "die"]);
  // a start by hand counts anew
  await store.ok(["start", "one"]);
  await until("it is over", async () => (await status(store, "one")) === "exited" && (await store.ok(["logs", "one"])).length === 23);
  expect(await inspect(store, "one", "{{.RestartCount}}")).toBe("2");
  await store.ok(over(store, "run -d", "two", "on-failure", "exit 0"));
  await until("it is over", async () => (await status(store, "two")) === "exited");
  expect(await inspect(store, "two", "{{.RestartCount}}")).toBe("0");
});

each([ROOT, ROOTLESS], "busybox")("a container that waits for its restart is shown, and a stop or a kill ends the wait", async (store) => {
  const id = await store.ok(over(store, "run -d", "one", "always", "exit 1"));
  await until("it waits for longer", async () => Number(await inspect(store, "one", "{{.RestartCount}}")) >= 4);
  await restarting(store, "one");
  expect(await inspect(store, "one", "{{.State.Running}} {{.State.Restarting}} {{.State.Pid}} {{.State.ExitCode}}")).toBe("true true 0 1");
  expect(await store.ok(["ps", "--format", "{{.Status}}"])).toMatch(/^Restarting \(1\) .* ago$/);
  expect(await store.ok(["ps", "--filter", "status=restarting", "--format", "{{.Names}}"])).toBe("one");
  const wait = store.spawn(["wait", "one"]);
  const refused = async (args: readonly string[], message: string) => {
    const { code, stderr } = await store.hoy(args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  };
  await restarting(store, "one");
  await refused(["exec", "one", "true"], `Container ${id} is restarting, wait until the container is running`);
  await refused(["rm", "one"], "container is restarting: stop the container before removing or force remove");
  await store.ok(["stop", "one"]);
  expect(await inspect(store, "one", "{{.State.Status}} {{.State.Running}} {{.State.Restarting}}")).toBe("exited false false");
  expect([await wait.exited, await new Response(wait.stdout).text()]).toEqual([0, "1\n"]);
  await until("nobody waits any more", async () => followups(id).length === 0);
  expect(await status(store, "one")).toBe("exited");
  await store.ok(["start", "one"]);
  await restarting(store, "one");
  await store.ok(["kill", "one"]);
  await until("nobody waits any more", async () => followups(id).length === 0);
  expect(await status(store, "one")).toBe("exited");
});

each([ROOT, ROOTLESS], "busybox")("what was stopped or killed while it ran stays ended, another signal changes nothing", async (store) => {
  const script = "trap 'exit 1' USR1; trap 'exit 2' TERM; echo began; while :; do sleep 0.02; done";
  await store.ok(over(store, "run -d", "one", "always", script));
  const began = async (times: number) =>
    await until(`${times} runs`, async () => (await store.ok(["logs", "one"])).split("began").length > times);
  await began(1);
  await store.ok(["kill", "-s", "USR1", "one"]);
  await began(2);
  for (const [runs, ...end] of [
    [2, "stop", "one"],
    [3, "kill", "one"],
    [4, "kill", "-s", "TERM", "one"],
  ] as [number, ...string[]][]) {
    await began(runs);
    await store.ok(end);
    await Bun.sleep(400);
    expect([end, await status(store, "one")]).toEqual([end, "exited"]);
    await store.ok(["start", "one"]);
  }
  await began(5);
  await store.ok(["update", "--restart", "no", "one"]);
  expect(await inspect(store, "one", "{{.HostConfig.RestartPolicy.Name}}")).toBe("no");
  await store.ok(["kill", "-s", "USR1", "one"]);
  await until("it is over", async () => (await status(store, "one")) === "exited");
  await Bun.sleep(400);
  expect(await status(store, "one")).toBe("exited");
});

each([ROOT, ROOTLESS], "busybox")("an attached run goes on with the next one, and its signals end it", async (store) => {
  const first = await store.hoy(over(store, "run -i", "one", "on-failure:2", "echo run; read line; echo $line; exit 4"), {
    input: "hello\n",
  });
  expect([first.code, first.stdout]).toEqual([4, "run\nhello\nrun\n\nrun\n\n"]);
  const child = store.spawn(over(store, "run", "two", "always", "echo run; exit 5"));
  await until("it waits for longer", async () => (await store.hoy(["inspect", "-f", "{{.RestartCount}}", "two"])).stdout >= "3");
  await restarting(store, "two");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(5);
  expect(await status(store, "two")).toBe("exited");
});

each([ROOT, ROOTLESS], "busybox")("a waiter that was killed is followed by another, at the next command that sweeps", async (store) => {
  const id = await store.ok(over(store, "run -d", "one", "always", "exit 1"));
  await until("it waits for longer", async () => Number(await inspect(store, "one", "{{.RestartCount}}")) >= 4);
  await restarting(store, "one");
  for (const pid of followups(id)) process.kill(pid, "SIGKILL");
  const count = Number(await inspect(store, "one", "{{.RestartCount}}"));
  expect(await status(store, "one")).toBe("restarting");
  await Bun.sleep(1100); // a moment of grace for who has just finished it
  expect(followups(id)).toEqual([]);
  rmSync(join(store.paths.run, "swept"), { force: true });
  await store.ok(["create", "--name", "other", "--network", "none", "--rootfs", store.rootfs, "true"]);
  await store.ok(["start", "other"]);
  await store.ok(["stop", "other"]);
  await until("it starts again", async () => Number(await inspect(store, "one", "{{.RestartCount}}")) > count);
  await store.ok(["rm", "-f", "one"]);
  await until("nobody waits any more", async () => followups(id).length === 0);
});

each([ROOT, ROOTLESS], "busybox")("a container whose monitor was killed is started again by the next sweep", async (store) => {
  const id = await store.ok(over(store, "run -d", "one", "unless-stopped", "sleep 1000"));
  const pid = await inspect(store, "one", "{{.State.Pid}}");
  const parent = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[1];
  process.kill(Number(parent), "SIGKILL");
  await until("it has ended", async () => (await status(store, "one")) !== "running");
  rmSync(join(store.paths.run, "swept"), { force: true });
  await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"]);
  await until("it runs again", async () => (await status(store, "one")) === "running");
  expect(await inspect(store, "one", "{{.Id}} {{.RestartCount}}")).toBe(`${id} 1`);
  await store.ok(["stop", "-t", "0", "one"]);
  expect(await status(store, "one")).toBe("exited");
});

each([ROOT], "busybox")("what contradicts itself is refused", async (store) => {
  const refused = async (args: readonly string[], result: [number, string]) => {
    const { code, stderr } = await store.hoy(args);
    expect([code, stderr]).toEqual([result[0], expect.stringContaining(result[1])]);
  };
  await refused(over(store, "run --rm", "one", "always", "true"), [125, "conflicting options: cannot specify both --restart and --rm"]);
  await refused(over(store, "create", "one", "always:3", "true"), [125, "maximum retry count can only be used with 'on-failure'"]);
  await store.ok(["create", "--rm", "--name", "one", "--network", "none", "--rootfs", store.rootfs, "true"]);
  await refused(
    ["update", "--restart", "always", "one"],
    [1, "Restart policy cannot be updated because AutoRemove is enabled for the container"],
  );
});

each([ROOT, ROOTLESS], "busybox")("after a start of the machine, system boot goes on where the policies say so", async (store) => {
  for (const policy of ["no", "on-failure", "always", "unless-stopped"])
    await store.ok(over(store, "run -d", policy, policy, "sleep 1000"));
  await store.ok(over(store, "run -d", "left", "unless-stopped", "sleep 1000"));
  await store.ok(over(store, "run -d", "brought", "always", "sleep 1000"));
  await store.ok(over(store, "create", "never", "always", "sleep 1000"));
  const stopped = await store.ok(["stop", "-t", "0", "left", "brought"]);
  expect(stopped).toBe("left\nbrought");
  // the machine goes down: all processes at once, and the run folders
  for (const name of ["no", "on-failure", "always", "unless-stopped"]) {
    const pid = await inspect(store, name, "{{.State.Pid}}");
    const monitor = Number(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ")[1]);
    process.kill(monitor, "SIGKILL");
    await until(`${name} has ended`, async () => !existsSync(`/proc/${pid}/root`));
  }
  const brought = await inspect(store, "brought", "{{.Id}}");
  expect(await store.ok(["system", "boot"])).toBe(brought);
  await until("all run", async () => (await store.ok(["ps", "-q", "--filter", "status=running"])).split("\n").length === 4);
  expect((await store.ok(["ps", "--format", "{{.Names}}"])).split("\n").sort()).toEqual([
    "always",
    "brought",
    "on-failure",
    "unless-stopped",
  ]);
  expect(await store.ok(["system", "boot"])).toBe("");
  const ids = (await store.ok(["ps", "-aq", "--no-trunc"])).split("\n");
  await store.ok(["rm", "-f", ...ids]);
  await until("all is done", async () => ids.every((id) => followups(id).length === 0));
});

each([ROOTLESS], "busybox")("system install writes the unit and enables it, and takes both away", async (store) => {
  const folder = join(store.env.XDG_CONFIG_HOME as string, "systemd/user");
  const installed = await store.hoy(["system", "install"]);
  const file = join(folder, `hoy-boot-${store.paths.name}.service`);
  expect([installed.code, installed.stdout]).toEqual([0, `${file}\n`]);
  expect(installed.stderr).toContain("loginctl enable-linger");
  const unit = readFileSync(file, "utf8");
  expect(unit).toContain(`"--root" "${store.root}" "system" "boot"`);
  expect(readlinkSync(join(folder, "default.target.wants", `hoy-boot-${store.paths.name}.service`))).toBe(file);
  // what it says is what works
  await store.ok(over(store, "run -d", "one", "always", "sleep 1000"));
  await store.ok(["stop", "-t", "0", "one"]);
  const [program = "", ...words] = [...(/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? "").matchAll(/"([^"]*)"/g)].map(
    (match) => match[1] as string,
  );
  expect(program).toEndWith("/hoy");
  expect(await store.ok(words)).toBe(await inspect(store, "one", "{{.Id}}"));
  expect(await store.ok(["system", "install", "--remove"])).toBe(file);
  expect(existsSync(file)).toBe(false);
  const { code, stderr } = await store.hoy(["system", "install", "--remove"]);
  expect([code, stderr]).toEqual([1, `hoy: there is no ${file}\n`]);
});
