/** The player as a monitor, driven by hand: what happens when its owner or itself dies at a certain point. */
import { expect } from "bun:test";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_FDCWD, O_DIRECTORY, O_RDONLY, open } from "../../ffi/fd.ts";
import { NR } from "../../ffi/syscalls.ts";
import { Part, PlayerSlot } from "../../ffi/tape.ts";
import { sendFrame, To } from "../../src/runtime/frames.ts";
import { planProcess } from "../../src/runtime/plan/process.ts";
import { launchMonitor, type Monitor } from "../../src/runtime/start.ts";
import { requires } from "../harness/requires.ts";

const root = requires("root");

interface Driven extends Disposable {
  folder: string;
  monitor: Monitor;
}

/** A monitor whose process is one of the host; its files lie in a folder of their own. */
function launch(): Driven {
  const folder = mkdtempSync(join(tmpdir(), "hoy-monitor-"));
  using data = open(folder, O_RDONLY | O_DIRECTORY);
  using run = open(folder, O_RDONLY | O_DIRECTORY);
  using alive = open(folder, O_RDONLY | O_DIRECTORY);
  const monitor = launchMonitor({
    title: "hoy-test-monitor",
    data,
    run,
    alive,
    cgroup: { shared: [], join: [] },
    log: { write: false, maxSize: 0, files: 1 },
    tty: false,
    stdin: false,
    stdinOnce: false,
    attached: false,
    reaper: false,
    engine: undefined,
  });
  return {
    folder,
    monitor,
    [Symbol.dispose]() {
      monitor[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the process plays: the word, then `before`, then the program as root. */
function program({ monitor }: Driven, args: string[], before = new Part()): Part {
  const part = new Part();
  part.op("wait for the word", NR.read, [PlayerSlot.sync, monitor.tape.space(8), 1], { expect: 1 });
  part.ops.push(...before.ops);
  planProcess(monitor.tape, part, {
    process: { cwd: "/", args, env: [], user: { uid: 0, gid: 0, additionalGids: [] } },
    seccomp: undefined,
    maySetGroups: true,
    report: PlayerSlot.sync,
  });
  return part;
}

const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(status(pid))?.[1]);
const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, "utf8");

/** Gone, or dead and not yet reaped by whoever inherited it. */
const isOver = (pid: number): boolean => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(status(pid));

async function over(pid: number): Promise<void> {
  for (const end = Date.now() + 10_000; !isOver(pid); await Bun.sleep(5))
    if (Date.now() > end) throw new Error(`process ${pid} does not end`);
}

async function there(path: string): Promise<void> {
  for (const end = Date.now() + 10_000; !existsSync(path); await Bun.sleep(5)) if (Date.now() > end) throw new Error(`no ${path}`);
}

root("no program runs whose monitor was killed before the parent-death signal was set", async () => {
  using driven = launch();
  const { folder, monitor } = driven;
  const [gate, made] = [join(folder, "gate"), join(folder, "made")];
  Bun.spawnSync(["mkfifo", gate]);
  // stops between the word and the signal until the test opens the other end
  const wait = new Part().op("wait at the gate", NR.openat, [AT_FDCWD, gate, 0]);
  const pid = monitor.play({ init: program(driven, ["/bin/touch", made], wait), namespaces: 0, into: undefined });
  const parent = parentOf(pid);
  sendFrame(monitor.owner.number, To.exec);
  for (const end = Date.now() + 10_000; !readFileSync(`/proc/${pid}/syscall`, "utf8").startsWith(`${NR.openat} `); await Bun.sleep(1))
    if (Date.now() > end) throw new Error("the process does not come to the gate");
  process.kill(parent, "SIGKILL");
  await over(parent);
  closeSync(openSync(gate, "w"));
  await over(pid);
  expect(existsSync(made)).toBe(false);
});

root("a detached start whose owner dies before it is told: the monitor takes no listener for it, and leaves at the end", async () => {
  using driven = launch();
  const { folder, monitor } = driven;
  const gate = join(folder, "gate");
  Bun.spawnSync(["mkfifo", gate]);
  const script = `read -r line < ${gate}; exit 3`;
  const pid = monitor.play({ init: program(driven, ["/bin/sh", "-c", script]), namespaces: 0, into: undefined });
  const parent = parentOf(pid);
  sendFrame(monitor.owner.number, To.exec);
  monitor.owner.close();
  await there(join(folder, "pid"));
  const listener = createConnection(join(folder, "attach.sock"));
  await once(listener, "data");
  writeFileSync(gate, "go\n");
  await there(join(folder, "exit"));
  expect(readFileSync(join(folder, "exit"), "utf8")).toStartWith("3 ");
  await over(parent);
  listener.destroy();
});

const S_READY = 3;
const CLONE_VFORK = 0x4000;

root("a process that joins may speak before its pid is told", async () => {
  using driven = launch();
  const { monitor } = driven;
  const ready = monitor.tape.bytes(new Uint8Array(new Int32Array([S_READY, 0, 0]).buffer));
  const init = new Part().op("speak at once", NR.write, [PlayerSlot.sync, ready, 12]);
  init.op("execute", NR.execve, ["/bin/true", monitor.tape.strings(["true"]), monitor.tape.strings([])]);
  const join = new Part().op("join nothing", NR.umask, [0o022]);
  // the intermediate process sleeps until the other one, which does not wait for the word, is a program
  expect(monitor.play({ init, join, namespaces: CLONE_VFORK, into: undefined })).toBeGreaterThan(0);
});

root("a step that fails while joining is told, and an intermediate process that dies ends the start", () => {
  using failing = launch();
  const init = program(failing, ["/bin/true"]);
  const nowhere = new Part().op("join nothing", NR.setns, [-1, 0]);
  expect(() => failing.monitor.play({ init, join: nowhere, namespaces: 0, into: undefined })).toThrow("join nothing: bad file descriptor");
  using killed = launch();
  const end = new Part().op("end", NR.exit_group, [0]);
  expect(() => killed.monitor.play({ init: program(killed, ["/bin/true"]), join: end, namespaces: 0, into: undefined })).toThrow();
});
