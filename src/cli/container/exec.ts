/** `exec`. */
import { fstatSync } from "../../../ffi/fs.ts";
import { exec } from "../../engine/containers/exec.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../../engine/containers/parse/detach-keys.ts";
import { parseEnv, parseEnvFile, readUserFile } from "../../engine/containers/parse/env.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal, terminalSize } from "../../engine/terminal.ts";
import { callerVariable } from "../../spec/caller.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, list, text, truth } from "../define.ts";
import { carryStreams, Input } from "./streams.ts";

const NULL_DEVICE = (1 << 8) | 3;

/**
 * A container gets no descriptor of a terminal, file or folder of ours: through /proc/self/fd it could open that anew for writing, or
 * walk to the rest of the host. What it reads and writes passes through a pipe then.
 */
function mayBeGiven(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isFIFO() || (stat.isCharacterDevice() && stat.rdev === NULL_DEVICE);
  } catch {
    return false; // closed
  }
}

const body: Body = async ({ flags, args }) => {
  const [name = "", ...command] = args;
  const tty = truth(flags, "tty");
  const interactive = truth(flags, "interactive");
  const detach = truth(flags, "detach");
  if (tty && interactive && !detach && !isTerminal(0))
    throw new HoyError("the input device is not a TTY", { exitCode: 1, hint: "leave out -t, or call it from a terminal" });
  const detachKeys = parseDetachKeys(text(flags, "detach-keys") || DEFAULT_DETACH_KEYS);
  const store = openStore();
  const row = findContainer(store, name);
  const env = [
    ...list(flags, "env-file").flatMap((file) => parseEnvFile(file, readUserFile(file), callerVariable)),
    ...list(flags, "env").map((entry) => parseEnv(entry, callerVariable)),
  ];
  const streams = [1, 2, ...(interactive ? [0] : [])];
  const result = await exec(store, row, {
    args: command,
    env,
    user: text(flags, "user"),
    cwd: text(flags, "workdir"),
    privileged: truth(flags, "privileged"),
    terminal: tty ? { size: terminalSize(1) ?? terminalSize(0) } : undefined,
    stdin: interactive && !detach,
    direct: !detach && !tty && streams.every(mayBeGiven),
    detach,
  });
  if (result.kind === "ended") return result.code;
  if (detach) return 0;
  const end = await carryStreams({
    session: result.session,
    tty,
    input: interactive ? new Input(tty, detachKeys) : undefined,
    stdout: true,
    stderr: true,
  });
  if (end.kind === "exit") await result.session.done();
  return end.kind === "exit" ? end.code : 0;
};

export default body;
