/** `--runtime` on the compiled binary: runc, crun where it takes this host's cgroups, and hoy itself as `hoy runtime`. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist, distForAll } from "../harness/build.ts";
import { busyboxImage, dockerArchive } from "../harness/images.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { failure, fileBeside } from "./image-store.ts";
import { unrest } from "./rest.ts";

/** A link to hoy by the name under which it is a runtime. */
function ownRuntime(store: TestStore): string {
  const path = join(store.dir, "hoy-runtime");
  symlinkSync(store.user ? distForAll() : dist(), path);
  return path;
}

const run = (store: TestStore, runtime: string, flags: readonly string[], ...command: string[]): string[] => {
  const network = flags.includes("--network") ? [] : ["--network", "none"];
  return ["run", "--runtime", runtime, ...network, ...flags, "--rootfs", store.rootfs, ...command];
};

/** What is left of a runtime's own state. */
const states = ({ paths }: TestStore): string[] => {
  const folder = join(paths.run, "runtimes");
  return existsSync(folder) ? readdirSync(folder) : [];
};

async function lives(store: TestStore, runtime: string): Promise<void> {
  const script = "id -u; echo error >&2; exit 3";
  const { code, stdout, stderr } = await store.hoy(run(store, runtime, ["--rm"], "sh", "-c", script));
  expect([code, stdout, stderr]).toEqual([3, "0\n", "error\n"]);
  expect(await store.ok(run(store, runtime, ["--rm", "-i"], "cat"), { input: "typed" })).toBe("typed");
  expect((await store.ok(run(store, runtime, ["--rm", "-t"], "sh", "-c", "tty; stty size"))).split("\r\n")[0]).toBe("/dev/pts/0");
  expect(failure(await store.hoy(run(store, runtime, ["--rm"], "nosuch")))).toEqual([
    127,
    expect.stringMatching(/executable file .*nosuch|"nosuch": executable file/),
  ]);
  expect(states(store)).toEqual([]);

  const loop = 'trap "echo term; exit 5" TERM; echo start; while true; do sleep 0.05; done';
  const id = await store.ok(run(store, runtime, ["-d", "--name", "main", "-e", "A=b"], "sh", "-c", loop));
  expect(await store.ok(["inspect", "-f", "{{.HostConfig.Runtime}} {{.State.Running}}", "main"])).toBe(`${runtime} true`);
  const pid = Number(await store.ok(["inspect", "-f", "{{.State.Pid}}", "main"]));
  expect(readFileSync(`/proc/${pid}/cmdline`, "latin1")).toContain("trap");
  expect(states(store)).toEqual([id]);
  expect(await store.ok(["exec", "main", "sh", "-c", "echo $A; id -u"])).toBe("b\n0");
  expect(await store.ok(["exec", "-i", "-u", "1000:1000", "main", "sh", "-c", "id -u; cat"], { input: "typed" })).toBe("1000\ntyped");
  expect((await store.hoy(["exec", "main", "sh", "-c", "exit 4"])).code).toBe(4);
  expect((await store.ok(["exec", "-t", "main", "tty"])).trim()).toMatch(/^\/dev\/pts\/\d$/);
  expect(failure(await store.hoy(["exec", "main", "nosuch"]))[0]).toBe(127);
  await store.ok(["exec", "-d", "main", "touch", "/tmp/made"]);
  for (let tries = 0; tries < 100 && !(await store.ok(["exec", "main", "ls", "/tmp"])).includes("made"); tries++) await Bun.sleep(20);
  expect(await store.ok(["exec", "main", "ls", "/tmp"])).toContain("made");
  const attached = store.spawn(["attach", "--no-stdin", "main"]);
  await Bun.sleep(200);
  await store.ok(["stop", "main"]);
  expect([await attached.exited, await new Response(attached.stdout).text()]).toEqual([5, "term\n"]);
  expect(await store.ok(["logs", "main"])).toBe("start\nterm");
  expect(await store.ok(["wait", "main"])).toBe("5");
  expect(states(store)).toEqual([]);

  await store.ok(["start", "main"]);
  await store.ok(["kill", "main"]);
  expect(await store.ok(["wait", "main"])).toBe("137");
  await store.ok(["start", "main"]);
  await store.ok(["rm", "-f", "main"]);
  expect(states(store)).toEqual([]);
}

each([ROOT], "busybox", "overlay", "runc")("a container of runc's, from its start to its end", (store) => lives(store, "runc"));
each(
  [ROOT],
  "busybox",
  "overlay",
  "crun",
  "pure-cgroup-v2",
)("a container of crun's, from its start to its end", (store) => lives(store, "crun"));
each(
  [ROOT, ROOTLESS],
  "busybox",
  "overlay",
)("a container of `hoy runtime`'s, from its start to its end", (store) => lives(store, ownRuntime(store)));

each(
  [ROOT],
  "busybox",
  "overlay",
  "nf_tables",
  "pids-cgroup",
  "runc",
)("what hoy does for a container it does for another runtime, too", async (store) => {
  await store.ok(["load", "-q", "-i", fileBeside(store, "image.tar", dockerArchive(busyboxImage(), "box:1"))]);
  const flags = [
    "--rm",
    "--network",
    "bridge",
    "--pids-limit",
    "77",
    "-v",
    "data:/home",
    "--mount",
    "type=image,src=box:1,dst=/m",
    "--annotation",
    "a.b=c",
    "--hostname",
    "web",
  ];
  const script = "ls /sys/class/net; hostname; cat /etc/hostname; ls /home /m/bin/busybox; grep Seccomp: /proc/self/status";
  const output = await store.ok(["run", "--runtime", "runc", ...flags, "box:1", "sh", "-c", script]);
  expect(output.split("\n")).toEqual(["eth0", "lo", "web", "web", "/m/bin/busybox", "", "/home:", "alice", "Seccomp:\t2"]);
  await store.ok(["create", "--name", "noted", "--network", "none", "--annotation", "a.b=c", "--runtime", "runc", "box:1", "true"]);
  expect(await store.ok(["inspect", "-f", "{{json .HostConfig.Annotations}}", "noted"])).toBe('{"a.b":"c"}');
});

each(
  [ROOT, ROOTLESS],
  "busybox",
  "overlay",
)("runtimes by the names that the settings give them", async (store) => {
  const config = join(store.env.XDG_CONFIG_HOME as string, "hoy");
  mkdirSync(config, { recursive: true });
  const path = ownRuntime(store);
  const runtimes = { mine: { path, runtimeArgs: ["--debug"] }, gone: { path: "/nonexistent/runtime" } };
  writeFileSync(join(config, "config.json"), JSON.stringify({ runtimes, "default-runtime": "mine" }));
  const words = ["--rm", "--network", "none", "--rootfs", store.rootfs];
  expect(await store.ok(["run", ...words, "sh", "-c", "echo hello"])).toBe("hello");
  const id = await store.ok(["create", ...words.slice(1), "true"]);
  expect(await store.ok(["inspect", "-f", "{{.HostConfig.Runtime}}", id])).toBe("mine");
  expect(JSON.parse(await store.ok(["info", "-f", "{{json .Runtimes}}"]))).toEqual({ hoy: { path: expect.any(String) }, ...runtimes });
  expect(await store.ok(["info", "-f", "{{.DefaultRuntime}}"])).toBe("mine");
  const refused = async (...flags: string[]) => failure(await store.hoy(["run", ...flags, ...words, "true"]));
  expect(await refused("--runtime", "gone")).toEqual([
    125,
    "hoy: --runtime gone: cannot execute /nonexistent/runtime: no such file or directory",
  ]);
  expect(await refused("--runtime", "nosuch")).toEqual([125, expect.stringContaining("hoy: unknown or invalid runtime name: nosuch\n")]);
  expect(await refused("--init")).toEqual([125, expect.stringContaining("--runtime mine does not go with --init")]);
  expect(await refused("--runtime", "hoy", "--init")).toEqual([0, ""]);
  expect(await refused("--userns", "keep-id")).toEqual([125, expect.stringContaining("--runtime mine does not go with --userns keep-id")]);
});

each(
  [ROOT, ROOTLESS],
  "busybox",
  "overlay",
)("a start that is cut off, and a monitor that is killed, leave nothing of the runtime's", async (store) => {
  const runtime = ownRuntime(store);
  const rounds = 12;
  for (let round = 0; round < rounds; round++) {
    const child = store.spawn(run(store, runtime, ["--rm"], "sleep", "0.05"));
    await Bun.sleep((round / rounds) * 400);
    child.kill("SIGKILL");
    await child.exited;
  }
  expect(await unrest(store)).toEqual([]);
  expect(states(store)).toEqual([]);
  const id = await store.ok(run(store, runtime, ["-d"], "sleep", "1000"));
  const pid = await store.ok(["inspect", "-f", "{{.State.Pid}}", id]);
  const monitor = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  expect(readFileSync(`/proc/${monitor}/cmdline`, "latin1")).toStartWith(`hoy-monitor ${id.slice(0, 12)}`);
  process.kill(Number(monitor), "SIGKILL");
  await store.ok(["rm", "-f", id]);
  // at most it is still to be reaped by init
  const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "")[0] : "Z";
  expect(state).toBe("Z");
  expect(await unrest(store)).toEqual([]);
});

each(
  [ROOT],
  "busybox",
  "overlay",
)("a runtime that fails is told in its own words, and nothing is left", async (store) => {
  const path = join(store.dir, "broken");
  writeFileSync(path, "#!/bin/sh\nexit 9\n", { mode: 0o755 });
  expect(failure(await store.hoy(run(store, path, ["--rm"], "true")))).toEqual([125, `hoy: ${path} create: exit code 9`]);
  writeFileSync(path, "no program", { mode: 0o755 });
  expect(failure(await store.hoy(run(store, path, ["--rm"], "true")))).toEqual([
    125,
    expect.stringContaining(`run ${path}: exec format error`),
  ]);
  expect(await store.ok(["ps", "-aq"])).toBe("");
});
