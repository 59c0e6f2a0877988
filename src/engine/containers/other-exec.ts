/** `exec` in a container of another runtime's: its own `exec`, in the foreground, or detached under a monitor. */
import { join } from "node:path";
import { O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { writeFileSync } from "../../../ffi/fs.ts";
import { detectCgroups } from "../../runtime/cgroup/host.ts";
import { planMonitors } from "../../runtime/cgroup/plan.ts";
import { launchMonitor } from "../../runtime/start.ts";
import { stringifyExact } from "../../spec/json.ts";
import type { Process } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import type { ExecOptions, ExecResult } from "./exec.ts";
import { makeExecFolder } from "./exec-folder.ts";
import { forgetErrors, lastError, runtimeCommand, runtimeEnvironment, runtimeError } from "./other-runtime.ts";
import { makeProcess, setSize } from "./other-start.ts";
import { type ContainerRow, dataFolder, runFolder } from "./row.ts";
import { Session } from "./session.ts";

export interface OtherExec {
  process: Process;
  options: ExecOptions;
  execId: string;
}

/** Runs the process. Throws HoyError with the runtime's words when it cannot be started. */
export async function execWithRuntime(store: Store, row: ContainerRow, request: OtherExec): Promise<ExecResult> {
  const { folder, alive: held } = makeExecFolder(runFolder(store, row.id), request.execId);
  using alive = held;
  const file = join(folder, "process.json");
  writeFileSync(file, stringifyExact(request.process), { mode: 0o600 });
  if (request.options.direct) return { kind: "ended", code: await execDirect(store, row, { file, stdin: request.options.stdin }) };
  const { terminal, stdin, detach } = request.options;
  using data = open(dataFolder(store, row.id), O_RDONLY | O_DIRECTORY);
  using run = open(folder, O_RDONLY | O_DIRECTORY);
  const monitor = launchMonitor({
    title: `hoy-exec ${row.id.slice(0, 12)}`,
    data,
    run,
    alive,
    cgroup: planMonitors(detectCgroups(), store.name),
    log: { write: false, maxSize: 0, files: 1 },
    tty: terminal !== undefined,
    stdin,
    stdinOnce: true,
    attached: !detach,
    reaper: false,
    adopts: true,
    engine: undefined,
  });
  try {
    const made = makeProcess({
      store,
      row,
      monitor,
      folder,
      uid: request.process.user.uid,
      stdin,
      terminal: terminal !== undefined,
      verb: ["exec", "--detach", "--process", file],
      last: [row.id],
    });
    using console = made.console;
    if (console) setSize(console, terminal?.size);
    monitor.adopt(made.pid, console);
  } catch (error) {
    monitor[Symbol.dispose]();
    throw error;
  }
  return { kind: "running", session: new Session(monitor.owner, monitor.frames) };
}

async function execDirect(store: Store, row: ContainerRow, { file, stdin }: { file: string; stdin: boolean }): Promise<number> {
  forgetErrors(store, row.id);
  const child = Bun.spawn(runtimeCommand(store, row, "exec", "--process", file, row.id), {
    env: runtimeEnvironment(),
    stdin: stdin ? "inherit" : "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const code = await child.exited;
  const why = code === 0 ? undefined : lastError(store, row.id);
  if (why !== undefined) throw runtimeError(row, "exec", why);
  return code;
}
