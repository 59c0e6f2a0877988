import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  requireRootlessHelper,
  rootlessCommand,
  rootlessHelper,
  startRootlessNetwork,
  stopRootlessNetwork,
} from "../../src/network/rootless.ts";
import { requires } from "../harness/requires.ts";
import { HOST, hostAndOutside, NEIGHBOUR, runInside, whoAmI } from "./scratch.ts";

const folder = "/run/user/1000/hoy/containers/0123456789ab";
const namespace = "/proc/42/ns/net";

test("nothing of the host's loopback interface is offered, and the container's folder names the process", () => {
  const slirp = rootlessCommand({ helper: { program: "slirp4netns", path: "/usr/bin/slirp4netns" }, namespace, folder });
  expect(slirp).toContain("--disable-host-loopback");
  expect(slirp[0]).toBe(`slirp4netns ${folder}`);
  expect(slirp.slice(-3)).toEqual(["--netns-type=path", namespace, "eth0"]);
  const pasta = rootlessCommand({ helper: { program: "pasta", path: "/usr/bin/pasta" }, namespace, folder });
  for (const flag of ["-t", "-u", "-T", "-U"]) expect(pasta[pasta.indexOf(flag) + 1]).toBe("none");
  expect(pasta).toContain("--no-map-gw");
  expect(pasta.join(" ")).toContain(`--pid ${folder}/network.pid`);
});

/** An empty folder of programs and run files. */
function temporary(): { dir: string } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), "hoyn-"));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) };
}

test("slirp4netns before pasta, and a word on what to install", () => {
  using programs = temporary();
  const add = (name: string) => writeFileSync(join(programs.dir, name), "#!/bin/sh\n", { mode: 0o755 });
  expect(rootlessHelper(programs.dir)).toBeUndefined();
  add("pasta");
  expect(rootlessHelper(programs.dir)?.program).toBe("pasta");
  add("slirp4netns");
  expect(rootlessHelper(programs.dir)).toEqual({ program: "slirp4netns", path: join(programs.dir, "slirp4netns") });
  if (!rootlessHelper()) expect(requireRootlessHelper).toThrow("needs pasta or slirp4netns");
});

requires("tun", "root")("what the program says becomes the error", () => {
  using run = temporary();
  const path = join(run.dir, "broken");
  writeFileSync(path, "#!/bin/sh\necho first >&2\necho 'no such wire' >&2\nexit 1\n", { mode: 0o755 });
  for (const program of ["slirp4netns", "pasta"] as const)
    expect(() => startRootlessNetwork({ helper: { program, path }, namespace: "/proc/self/ns/net", folder: run.dir })).toThrow(
      `${program} could not connect the container: first; no such wire`,
    );
  expect(existsSync(join(run.dir, "network.pid"))).toBe(false);
});

test("a process with a recorded id that is another's is left alone", async () => {
  using run = temporary();
  const other = Bun.spawn(["sleep", "20"]);
  writeFileSync(join(run.dir, "network.pid"), `${other.pid}\n`);
  stopRootlessNetwork(run.dir);
  await Bun.sleep(50);
  expect([other.exitCode, other.signalCode]).toEqual([null, null]);
  expect(existsSync(join(run.dir, "network.pid"))).toBe(false);
  stopRootlessNetwork(run.dir);
  other.kill();
});

/** A process with this name and these arguments, which lasts until its input ends. */
async function waiting(argv0: string, path: string, ...args: string[]) {
  const child = Bun.spawn([path, "-c", "echo up; read line", ...args], { argv0, stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  return child;
}

test("of a start that was cut off, the helper is found by its whole name, and nobody else is hit", async () => {
  using run = temporary();
  const pidFile = join(run.dir, "network.pid");
  const pasta = join(run.dir, "pasta");
  symlinkSync("/bin/sh", pasta);
  const mine = [
    await waiting(`slirp4netns ${run.dir}`, "/bin/sh"),
    await waiting(pasta, pasta, "--quiet", "--pid", pidFile, "--no-netns-quit"),
  ];
  const others = [
    await waiting("sh", "/bin/sh", run.dir),
    await waiting(`slirp4netns ${run.dir}0`, "/bin/sh", run.dir),
    await waiting("editor", "/bin/sh", "--pid", pidFile),
    await waiting(pasta, pasta, "--pid", join(`${run.dir}0`, "network.pid"), run.dir),
  ];
  writeFileSync(pidFile, "");
  stopRootlessNetwork(run.dir);
  for (const child of mine) await child.exited;
  for (const child of others) {
    child.stdin.end();
    await child.exited;
  }
  expect(mine.map(({ signalCode }) => signalCode)).toEqual(["SIGTERM", "SIGTERM"]);
  expect(others.map(({ signalCode }) => signalCode)).toEqual([null, null, null, null]);
  expect(existsSync(pidFile)).toBe(false);
});

for (const program of ["slirp4netns", "pasta"])
  requires(
    "root",
    "namespaces",
    "tun",
    "unshare",
    "nsenter",
    "ip",
    program,
  )(
    `${program} connects a container of a user namespace, and ends`,
    async () => {
      using run = temporary();
      const { host, outside } = hostAndOutside();
      using _host = host;
      using _outside = outside;
      using server = whoAmI(outside);
      await runInside(host, "ip", "route", "add", "default", "via", NEIGHBOUR);
      const script = fileURLToPath(import.meta.resolve("./rootless-run.ts"));
      const inUserNamespace = ["unshare", "--user", "--map-root-user", "--mount", process.execPath, script];
      const text = await runInside(host, ...inUserNamespace, program, run.dir, NEIGHBOUR, String(server.port));
      expect(JSON.parse(text ?? "{}")).toEqual({
        text: HOST,
        stopped: true,
        left: [],
        ...(program === "pasta" ? {} : { endsWithPipe: true }),
      });
    },
    20_000,
  );
