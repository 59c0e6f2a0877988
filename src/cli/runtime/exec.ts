/** `runtime exec`. */
import { readFileSync } from "../../../ffi/fs.ts";
import { execInContainer } from "../../runtime/oci/exec.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { type Process, parseProcess, type Spec } from "../../spec/runtime.ts";
import { type Body, type Flags, list, text, truth } from "../define.ts";
import { usageError } from "../parse.ts";
import { followProcess, withConsole } from "./foreground.ts";
import { preservedCount } from "./request.ts";

const body: Body = async ({ flags, args, root }) => {
  const [id = "", ...words] = args;
  const file = text(flags, "process");
  if (file === undefined && words.length === 0) throw usageError("exec needs a command, or --process", 1);
  const detach = truth(flags, "detach");
  const request = {
    root: root as string,
    id,
    process: (spec: Spec) => (file === undefined ? fromFlags(spec, words, flags) : fromFile(file, flags)),
    consoleSocket: text(flags, "console-socket"),
    pidFile: text(flags, "pid-file"),
    preserved: preservedCount(text(flags, "preserve-fds")),
    ignorePaused: truth(flags, "ignore-paused"),
    cgroup: subCgroup(text(flags, "cgroup")),
  };
  if (detach) {
    await execInContainer({ ...request, console: undefined, foreground: false });
    return 0;
  }
  return await withConsole(request.consoleSocket, async (terminal) => {
    const isTerminal = truth(flags, "tty") || (file !== undefined && fromFile(file, flags).terminal === true);
    const { pid, player } = await execInContainer({ ...request, console: terminal?.theirs, foreground: true });
    return player ? await followProcess(player, { pid, terminal: isTerminal ? terminal : undefined }) : 0;
  });
};

function subCgroup(path: string | undefined): string | undefined {
  if (path?.split("/").includes("..")) throw usageError(`--cgroup ${path}: ".." is refused`, 1);
  return path;
}

function fromFile(path: string, flags: Flags): Process {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new HoyError(`cannot read the process file ${path}: ${reasonOf(error)}`, { cause: error });
  }
  const process = parseProcess(content, path);
  return truth(flags, "tty") ? { ...process, terminal: true } : process;
}

function fromFlags(spec: Spec, words: readonly string[], flags: Flags): Process {
  const base = spec.process;
  if (!base) throw new HoyError("config.json has no process: exec needs --process");
  const added = list(flags, "cap").map((name) => (name.startsWith("CAP_") ? name : `CAP_${name}`));
  const sets = base.capabilities ?? {};
  const grown = (names: readonly string[] = []): string[] => [...new Set([...names, ...added])];
  const capabilities = added.length
    ? { ...sets, bounding: grown(sets.bounding), effective: grown(sets.effective), permitted: grown(sets.permitted) }
    : sets;
  const [profile, label] = [text(flags, "apparmor"), text(flags, "process-label")];
  return {
    ...base,
    terminal: truth(flags, "tty"),
    args: [...words],
    env: [...(base.env ?? []), ...list(flags, "env")],
    cwd: text(flags, "cwd") ?? base.cwd,
    user: userOf(base.user, flags),
    noNewPrivileges: truth(flags, "no-new-privs") || base.noNewPrivileges === true,
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
    ...(label === undefined ? {} : { selinuxLabel: label }),
    ...(base.capabilities || added.length ? { capabilities } : {}),
  };
}

function userOf(base: Process["user"], flags: Flags): Process["user"] {
  const groups = list(flags, "additional-gids").map((gid) => number(gid, "additional-gids"));
  const given = text(flags, "user");
  const [uid = "", gid] = given?.split(":") ?? [];
  return {
    ...base,
    ...(given === undefined ? {} : { uid: number(uid, "user") }),
    ...(gid === undefined ? {} : { gid: number(gid, "user") }),
    ...(groups.length ? { additionalGids: [...(base.additionalGids ?? []), ...groups] } : {}),
  };
}

function number(value: string, flag: string): number {
  if (!/^\d+$/.test(value) || Number(value) > 0xffffffff) throw usageError(`--${flag}: ${value} is not a numeric id`, 1);
  return Number(value);
}

export default body;
