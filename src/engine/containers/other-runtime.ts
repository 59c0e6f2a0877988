/**
 * `--runtime`: another OCI runtime of the host's as a program with runc's command line. Which one a name means, and the commands that
 * are called while the container lives. Loaded only for containers that have one.
 */
import { join } from "node:path";
import { existsSync, mkdirSync, nodeFs, readFileSync, rmSync } from "../../../ffi/fs.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import type { Settings } from "../../spec/settings.ts";
import type { Store } from "../../state/store.ts";
import type { ContainerOptions, OtherRuntime } from "./options.ts";
import { userNamespace } from "./parse/userns.ts";
import { type ContainerRow, runFolder, STATES } from "./row.ts";

/** The program that a name or path means: the settings' own, else one in $PATH. Throws HoyError. */
export function chooseRuntime(name: string, { runtimes = {} }: Settings): OtherRuntime {
  const known = runtimes[name];
  const path = known?.path ?? name;
  const found = path.includes("/") ? path : Bun.which(path);
  if (found === null)
    throw new HoyError(`unknown or invalid runtime name: ${name}`, {
      status: 400,
      hint: "there are hoy, programs in $PATH, absolute paths, and what the settings list under runtimes",
    });
  try {
    nodeFs().accessSync(found, nodeFs().constants.X_OK);
  } catch (error) {
    throw new HoyError(`--runtime ${name}: cannot execute ${found}: ${reasonOf(error)}`, { status: 400, cause: error });
  }
  return { path: found, args: known?.runtimeArgs ?? [] };
}

/** What only hoy's own runtime can do. Throws HoyError. */
export function checkOptions({ hostConfig }: ContainerOptions): void {
  const { IpcMode, UsernsMode, Init, Runtime } = hostConfig;
  const refused = (what: string): HoyError =>
    new HoyError(`--runtime ${Runtime} does not go with ${what}`, { status: 400, hint: "leave out one of them" });
  if (IpcMode.startsWith("container:")) throw refused(`--ipc ${IpcMode}`);
  if (userNamespace(UsernsMode)) throw refused(`--userns ${UsernsMode}`);
  if (Init) throw refused("--init");
}

/** Where the runtimes of a store keep their state, by the containers' ids, and one container's log of what went wrong. */
const stateFolder = (store: Pick<Store, "run">): string => join(store.run, STATES);
const logFile = (store: Pick<Store, "run">, id: string): string => join(runFolder(store, id), "runtime.log");

export function runtimeOf(row: ContainerRow): OtherRuntime {
  return row.options.runtime as OtherRuntime;
}

/** A command of the runtime's as words, its path first. */
export function runtimeCommand(store: Pick<Store, "run">, row: ContainerRow, ...words: string[]): string[] {
  const { path, args } = runtimeOf(row);
  const folder = stateFolder(store);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return [path, ...args, "--root", folder, "--log", logFile(store, row.id), "--log-format", "json", ...words];
}

const KEPT = ["HOME", "USER", "XDG_RUNTIME_DIR", "TMPDIR"];

/** The runtime finds programs of its own; nothing that Bun would obey and no secret of the caller's. */
export const runtimeEnvironment = (): Record<string, string> => ({
  PATH: process.env.PATH || "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ...Object.fromEntries(KEPT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string]]))),
});

/** The last error that the runtime wrote into its log since it was forgotten. */
export function lastError(store: Pick<Store, "run">, id: string): string | undefined {
  let found: string | undefined;
  try {
    for (const line of readFileSync(logFile(store, id), "utf8").split("\n").filter(Boolean)) {
      const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
      if (level === "error" || level === "fatal") found = msg;
    }
  } catch {
    // no log, or not of this form: the exit code is all that there is
  }
  return found;
}

export const forgetErrors = (store: Pick<Store, "run">, id: string): void => rmSync(logFile(store, id), { force: true });

/** Calls the runtime and waits. Throws HoyError with its own words. */
export function callRuntime(store: Pick<Store, "run">, row: ContainerRow, ...words: string[]): void {
  forgetErrors(store, row.id);
  const { exitCode, stderr } = Bun.spawnSync(runtimeCommand(store, row, ...words), {
    env: runtimeEnvironment(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  if (exitCode === 0) return;
  const why = lastError(store, row.id) ?? stderr.toString().trim().split("\n").at(-1);
  throw runtimeError(row, words[0] as string, why || `exit code ${exitCode}`);
}

/** What the runtime found, with the exit code that Docker has for it: it is known by the words that runc and its like have in common. */
export function runtimeError(row: ContainerRow, verb: string, why: string): HoyError {
  const missing = /executable file .*not found|exec.*no such file or directory/i.test(why);
  const denied = /exec.*permission denied|exec format error/i.test(why);
  const exitCode = missing ? 127 : denied ? 126 : 125;
  return new HoyError(`${runtimeOf(row).path} ${verb}: ${why}`, { exitCode });
}

/** True when the runtime has something of the container, which may be left from a start that was cut off. */
export const isKnownToRuntime = (store: Pick<Store, "run">, { id }: Pick<ContainerRow, "id">): boolean =>
  existsSync(join(stateFolder(store), id));

/** What the runtime has of a container that has ended. That of one that never began, or is gone, is no error. */
export function deleteFromRuntime(store: Pick<Store, "run">, row: ContainerRow): void {
  try {
    callRuntime(store, row, "delete", "--force", row.id);
  } catch {
    // see above
  }
}
