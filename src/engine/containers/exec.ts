/** `exec`: one more process in a running container. */

import { join } from "node:path";
import { SysError } from "../../../ffi/errno.ts";
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { readFileSync } from "../../../ffi/fs.ts";
import { resolveCapabilities } from "../../runtime/capabilities.ts";
import { detectCgroups } from "../../runtime/cgroup/host.ts";
import { type MonitorPlan, planMonitors } from "../../runtime/cgroup/plan.ts";
import { type ExecRequest, execForeground, execMonitored } from "../../runtime/exec.ts";
import { readInRoot } from "../../runtime/inroot.ts";
import type { TerminalSize } from "../../runtime/plan/terminal.ts";
import { allNamespaceFlags } from "../../runtime/start.ts";
import { resolveUser } from "../../runtime/users.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { parseExact } from "../../spec/json.ts";
import type { Process, Spec } from "../../spec/runtime.ts";
import { checkIds } from "../../state/own-ids.ts";
import { forThisBoot, type Store } from "../../state/store.ts";
import { loadProfile } from "./apparmor.ts";
import { containerCgroup } from "./cgroup.ts";
import { overrideEnv } from "./environment.ts";
import { recordContainer } from "./events.ts";
import { makeExecFolder } from "./exec-folder.ts";
import { generateId } from "./names.ts";
import { isPaused } from "./paused.ts";
import { type ContainerRow, dataFolder, runFolder } from "./row.ts";
import { seccompFilter } from "./seccomp.ts";
import { Session } from "./session.ts";
import { noProcess, notRunning, openProcess, waitEnd } from "./signal.ts";
import { seccompChoice } from "./spec.ts";
import { maySetGroups, ownCgroups } from "./start.ts";
import { startError } from "./start-error.ts";

export interface ExecOptions {
  args: readonly string[];
  /** `KEY=value`, over the container's own. */
  env: readonly string[];
  user: string | undefined;
  cwd: string | undefined;
  privileged: boolean;
  terminal: { size: TerminalSize | undefined } | undefined;
  stdin: boolean;
  /** The process gets our own streams and is waited for. */
  direct: boolean;
  detach: boolean;
}

export type ExecResult = { kind: "ended"; code: number } | { kind: "running"; session: Session };

const MAX_PASSWD = 4 << 20;
/** How long a dying process may take. */
const LEAVING_MS = 500;
const CLONE_NEWCGROUP = 0x02000000;

/** Starts the process. Throws HoyError: 409 when the container does not run, exit code 126 or 127 when the program cannot. */
export async function exec(store: Store, row: ContainerRow, options: ExecOptions): Promise<ExecResult> {
  using alive = openProcess(store, row);
  if (!alive) throw noProcess(store, row);
  if (isPaused(store, row.id)) throw new HoyError(`Container ${row.id} is paused, unpause the container before exec`, { status: 409 });
  try {
    return await joinContainer(store, row, options, alive);
  } catch (error) {
    // a process on its way out has no namespaces and no root any more, but has not ended yet
    const joining = error instanceof SysError && !/^(exec|chdir) /.test(error.step);
    if (waitEnd(alive, joining ? LEAVING_MS : 0)) throw notRunning(row);
    throw startError(error, "exec");
  }
}

async function joinContainer(store: Store, row: ContainerRow, options: ExecOptions, target: Fd): Promise<ExecResult> {
  await ownCgroups();
  const spec = readSpec(join(dataFolder(store, row.id), "config.json"));
  const process = execProcess(row, spec, { options, target, rootless: store.rootless });
  const cgroup = containerCgroup(store, row);
  // somebody may have unloaded it since
  await loadProfile(process.apparmorProfile ?? "", store);
  const request: ExecRequest = {
    id: row.id,
    target,
    namespaces: allNamespaceFlags(spec) + (spec.linux?.namespaces?.some(({ type }) => type === "cgroup") ? CLONE_NEWCGROUP : 0),
    process,
    // the container's own, also with --privileged: as in Docker, that gives capabilities alone
    seccomp: await seccompFilter(seccompChoice(row.options.hostConfig), spec.process?.capabilities?.bounding ?? []),
    maySetGroups: maySetGroups(store),
    joinCgroups: cgroup.payloadJoin,
    into: cgroup.payloadInto,
    giveStreams: await streamsFor(row, process, options),
  };
  const execId = generateId();
  forThisBoot(store);
  try {
    store.db.transaction(() => recordContainer(store, row, `exec_start: ${options.args.join(" ")}`, { execID: execId })).immediate();
  } catch (error) {
    // a full disk keeps nobody from looking into a container
    if ((error as { code?: string }).code !== "SQLITE_FULL") throw error;
  }
  if (row.options.runtime) {
    const { execWithRuntime } = await import("./other-exec.ts");
    return await execWithRuntime(store, row, { process, options, execId });
  }
  if (options.direct) return { kind: "ended", code: execForeground(request, options.stdin) };
  return {
    kind: "running",
    session: underMonitor(store, row, { request, options, execId, monitors: planMonitors(detectCgroups(), store.name) }),
  };
}

/** In a user namespace of the container's own the user has to be there, and gets the streams. Throws HoyError. */
async function streamsFor(
  { options: { idMaps } }: ContainerRow,
  { user }: Process,
  { stdin }: ExecOptions,
): Promise<ExecRequest["giveStreams"]> {
  if (!idMaps) return undefined;
  const [{ checkUser }, { giveStreams }] = await Promise.all([import("../../runtime/id-maps.ts"), import("../../runtime/plan/streams.ts")]);
  checkUser(idMaps, user);
  return (part) => giveStreams(part, idMaps, user.uid, { stdin });
}

/** What the container was started with. Not more of it is checked than what damage can make unreadable: hoy wrote it. */
function readSpec(file: string): Spec & { process: Process } {
  let spec: Partial<Spec> | null;
  try {
    spec = parseExact(readFileSync(file, "utf8")) as Partial<Spec> | null;
  } catch (error) {
    const why = error instanceof SyntaxError ? "it is not JSON" : reasonOf(error);
    throw new HoyError(`cannot read ${file}: ${why}`, { exitCode: 125, hint: RESTART, cause: error });
  }
  if (!Array.isArray(spec?.process?.args))
    throw new HoyError(`${file} is damaged: it does not say what the container's process is`, { exitCode: 125, hint: RESTART });
  return spec as Spec & { process: Process };
}

const RESTART = "stop and start it: that writes the file anew";

interface Joining {
  options: ExecOptions;
  target: Fd;
  rootless: boolean;
}

function execProcess(row: ContainerRow, spec: Spec & { process: Process }, { options, target, rootless }: Joining): Process {
  const base = spec.process;
  if (options.cwd !== undefined && options.cwd !== "" && !options.cwd.startsWith("/"))
    throw new HoyError("Cwd must be an absolute path", { status: 400 });
  using root = open(`/proc/${row.pid}/root`, O_RDONLY | O_DIRECTORY);
  // opened by its number: as long as the process has not ended, that was not given to another one
  if (waitEnd(target, 0)) throw notRunning(row);
  const text = (path: string): string | undefined => readInRoot(root.number, path, MAX_PASSWD)?.toString("utf8");
  const user = resolveUser({
    spec: options.user ?? row.options.config.User,
    passwd: text("etc/passwd"),
    group: text("etc/group"),
    groupAdd: row.options.hostConfig.GroupAdd,
  });
  if (rootless && !row.options.idMaps) checkIds({ uid: user.uid, gids: [user.gid] });
  const env = new Map<string, string>();
  overrideEnv(env, base.env ?? []);
  // config.json has a home where none was configured: that of the container's user
  if (!configuredHome(row)) env.delete("HOME");
  if (options.terminal && !env.has("TERM")) env.set("TERM", "xterm");
  overrideEnv(env, options.env);
  if (!env.get("HOME")) env.set("HOME", user.home);
  const names = options.privileged ? resolveCapabilities({ privileged: true }) : (base.capabilities?.bounding ?? []);
  return {
    ...base,
    terminal: options.terminal !== undefined,
    args: [...options.args],
    env: [...env].map(([key, value]) => `${key}=${value}`),
    cwd: options.cwd || base.cwd,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    capabilities: user.uid === 0 ? { bounding: names, effective: names, permitted: names } : { bounding: names },
  };
}

/** HOME of the image or of the container's -e; undefined or empty where the user's own counts. */
function configuredHome(row: ContainerRow): string | undefined {
  const env = new Map<string, string>();
  overrideEnv(env, row.options.config.Env);
  return env.get("HOME");
}

interface Monitored {
  request: ExecRequest;
  options: ExecOptions;
  execId: string;
  monitors: MonitorPlan;
}

function underMonitor(store: Store, row: ContainerRow, { request, options, execId, monitors }: Monitored): Session {
  const { folder, alive: held } = makeExecFolder(runFolder(store, row.id), execId);
  using data = open(dataFolder(store, row.id), O_RDONLY | O_DIRECTORY);
  using run = open(folder, O_RDONLY | O_DIRECTORY);
  using alive = held;
  const { monitor } = execMonitored({
    ...request,
    monitor: { title: `hoy-exec ${row.id.slice(0, 12)}`, data, run, alive, cgroup: monitors, stdinOnce: true, attached: !options.detach },
    terminal: options.terminal,
    stdin: options.stdin,
  });
  monitor.exec();
  return new Session(monitor.owner, monitor.frames);
}
