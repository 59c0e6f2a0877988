/**
 * Hooks (config.md, "POSIX-platform Hooks"): programs of the caller's that get the container's state on standard input. Those of the
 * runtime's namespaces are started as they are; those of the container's by the player, which joins the namespaces first.
 */

import { check } from "../../../ffi/errno.ts";
import { type Fd, memfd } from "../../../ffi/fd.ts";
import { readFileSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, Tape } from "../../../ffi/tape.ts";
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import type { State } from "./state.ts";

export type HookName = keyof NonNullable<Spec["hooks"]>;
type Hook = NonNullable<NonNullable<Spec["hooks"]>[HookName]>[number];

/** The container's own namespaces, for hooks inside: its first process, and CLONE_NEW* of what to join. */
export interface Inside {
  process: Fd;
  namespaces: number;
}

function failed(name: HookName, index: number, why: string): HoyError {
  return new HoyError(`error running ${name} hook #${index}: ${why}`);
}

async function runOutside(hook: Hook, input: string): Promise<string | undefined> {
  const [argv0 = hook.path, ...args] = hook.args ?? [hook.path];
  const env = Object.fromEntries((hook.env ?? []).map((entry) => [entry.split("=", 1)[0], entry.slice(entry.indexOf("=") + 1)]));
  // no pipes: a process that the hook leaves behind would hold them open
  using out = memfd("hoy-hook");
  using err = memfd("hoy-hook");
  let child: Bun.Subprocess<Buffer, number, number>;
  try {
    child = Bun.spawn([hook.path, ...args], {
      argv0,
      env,
      stdin: Buffer.from(input),
      stdout: out.number,
      stderr: err.number,
      ...(hook.timeout === undefined ? {} : { timeout: hook.timeout * 1000, killSignal: "SIGKILL" }),
    });
  } catch (error) {
    return (error as Error).message;
  }
  const code = await child.exited;
  if (code === 0) return undefined;
  if (child.signalCode === "SIGKILL" && hook.timeout !== undefined) return `hook ran past specified timeout of ${hook.timeout}s`;
  const how = child.signalCode ? `signal: ${child.signalCode}` : `exit status ${code}`;
  const text = ({ path }: Fd): string => readFileSync(path, "utf8").trim();
  return `${how}, stdout: ${text(out)}, stderr: ${text(err)}`;
}

/** Joins, then is the hook. Its output is the caller's own standard error. */
function runInside(hook: Hook, input: string, { process, namespaces }: Inside): string | undefined {
  const tape = new Tape();
  tape.mode = Mode.exec;
  tape.clone = tape.cloneArgs({ flags: 0, exitSignal: 17 });
  const early = new Part();
  early.op("join the container's namespaces", NR.setns, [PlayerFd.rootfs, namespaces]);
  tape.lay("early", early);
  const init = new Part();
  init.op("input", NR.dup3, [PlayerFd.data, 0, 0]).op("output", NR.dup3, [2, 1, 0]);
  init.op("chdir /", NR.chdir, ["/"]);
  if (hook.timeout !== undefined) init.op("set the timeout", NR.setitimer, [0, tape.bytes(timer(hook.timeout)), 0]);
  init.op("close all descriptors", NR.close_range, [3, 0x7fffffff, 4]);
  init.op(`exec ${hook.path}`, NR.execve, [hook.path, tape.strings(hook.args ?? [hook.path]), tape.strings(hook.env ?? [])]);
  tape.lay("init", init);
  using state = memfd("hoy-state", Buffer.from(input));
  check(sys(NR.lseek, state.number, 0, 0), "seek");
  using sent = tape.send();
  const code = waitChild(spawnPlayer({ tape: sent, owner: sent, data: state, rootfs: process }, "hoy-hook", [2]));
  if (code === 0) return undefined;
  return code === SIGALRM_CODE && hook.timeout !== undefined
    ? `hook ran past specified timeout of ${hook.timeout}s`
    : `exit status ${code}`;
}

const SIGALRM_CODE = 128 + 14;

/** struct itimerval: once, after so many seconds. It goes on over execve(2), and its signal ends a program that does not catch it. */
const timer = (seconds: number): Uint8Array => new Uint8Array(new BigInt64Array([0n, 0n, BigInt(seconds), 0n]).buffer);

/** Runs the hooks of a name one after another. Throws HoyError for the first that fails. */
export async function runHooks(spec: Spec, name: HookName, state: State, inside?: Inside): Promise<void> {
  const input = JSON.stringify(state);
  for (const [index, hook] of (spec.hooks?.[name] ?? []).entries()) {
    const why = inside ? runInside(hook, input, inside) : await runOutside(hook, input);
    if (why !== undefined) throw failed(name, index, why);
  }
}
