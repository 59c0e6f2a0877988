/**
 * `hoy runtime`, also through a link named `runc` or `hoy-runtime`: runc's command line for bundles. Its errors go to --log, where
 * callers (containerd, conmon) read the last line, and to standard error.
 */
import { appendFileSync } from "../../../ffi/fs.ts";
import type { HoyError } from "../../spec/error.ts";
import type { Flags } from "../define.ts";
import { asExpected } from "../expected.ts";
import { commandHelp, groupHelp } from "../help.ts";
import { printLine, tellLine, writeStream } from "../output/write.ts";
import { parseCommand, parseWords, usageError } from "../parse.ts";
import { COMMIT, VERSION } from "../system/version-line.ts";
import { runtimeCommands, runtimeFlags } from "../table/runtime.ts";
import { defaultRoot } from "./root.ts";

const unknown = (name: string): HoyError => usageError(`unknown flag: ${name}`, 1);

/** RFC 3339 to the second, in the local time zone's place UTC. */
const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, "Z");

function logTo(flags: Flags): (level: string, text: string) => void {
  const json = flags["log-format"] === "json";
  const line = (level: string, msg: string): string =>
    json ? JSON.stringify({ level, msg, time: now() }) : `time="${now()}" level=${level} msg=${JSON.stringify(msg)}`;
  const { log } = flags;
  if (typeof log !== "string") return (level, text) => tellLine(line(level, text));
  return (level, text) => {
    appendFileSync(log, `${line(level, text)}\n`, { mode: 0o600 });
    if (level === "error") tellLine(text);
  };
}

/** Runs the command line after `runtime`; returns the exit code. */
export async function dispatchRuntime(words: readonly string[], program: string): Promise<number> {
  const globals = parseWords(runtimeFlags, words, { stopAtFirst: true, unknown });
  const { flags, rest } = globals;
  if (flags.version) {
    printLine(`${program} version ${VERSION}\ncommit: ${COMMIT}\nspec: 1.3.0`);
    return 0;
  }
  const [name = ""] = rest;
  const group = { name: "", description: "Run containers from OCI bundles" };
  if (name === "" || name === "help" || globals.help) {
    writeStream(1, Buffer.from(groupHelp(group, runtimeCommands, program)));
    return 0;
  }
  const log = logTo(flags);
  try {
    const command = runtimeCommands.find(({ meta }) => meta.name === name);
    if (!command) throw usageError(`unknown command: ${name}`, 1);
    if (!["undefined", "text", "json"].includes(String(flags["log-format"])))
      throw usageError(`invalid log-format: ${flags["log-format"]}`, 1);
    const parsed = parseCommand(command, rest.slice(1), { program, unknown });
    if (parsed.help) {
      writeStream(1, Buffer.from(commandHelp(command, program)));
      return 0;
    }
    const root = typeof flags.root === "string" ? flags.root : defaultRoot();
    const { default: body } = await command.load();
    const logLevel = flags.debug ? "debug" : "info";
    const { args, flags: own } = parsed;
    const systemdCgroup = flags["systemd-cgroup"] === true;
    const warn = (text: string): void => log("warning", text);
    return (await body({ flags: own, args, root, logLevel, program: "hoy", systemdCgroup, warn })) ?? 0;
  } catch (error) {
    const known = asExpected(error);
    if (!known) throw error;
    log("error", known.hint ? `${known.message} (${known.hint.trim()})` : known.message);
    return name === "exec" ? 255 : 1;
  }
}
