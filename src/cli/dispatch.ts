/** From the command line to a command's body; the errors of the command line itself, in Docker's words. */
import type { Program } from "../spec/caller.ts";
import { HoyError } from "../spec/error.ts";
import type { Command, Flags } from "./define.ts";
import { writeStream } from "./output/write.ts";
import { parseCommand, parseWords, usageError } from "./parse.ts";
import { findCommand } from "./table/find.ts";
import { globalFlags, REMOTE_FLAGS } from "./table/globals.ts";

const LOG_LEVELS: ReadonlySet<unknown> = new Set(["debug", "info", "warn", "error", "fatal"]);

const out = (text: string): void => writeStream(1, Buffer.from(text));

/** Runs the command line; returns the exit code. */
export async function dispatch(words: readonly string[], program: Program): Promise<number> {
  const globals = parseWords(globalFlags, words, { stopAtFirst: true, unknown: (name) => unknownGlobal(name, program) });
  const { flags, rest } = globals;
  if (flags.version) {
    const { versionLine } = await import("./system/version-line.ts");
    out(`${versionLine(program)}\n`);
    return 0;
  }
  if (rest.length === 0) {
    await showAll(program);
    return 0;
  }
  if (rest[0] === "runtime") {
    const { dispatchRuntime } = await import("./runtime/dispatch.ts");
    return await dispatchRuntime(rest.slice(1), `${program} runtime`);
  }
  if (rest[0] === "help") return await help(rest.slice(1), program);
  const found = await findCommand(rest);
  if (!found) return await groupOrUnknown(rest, program);
  return await runCommand(found, flags, program);
}

/** True when the flags before the command ask for a stack trace with an error; a container's words are not among them. */
export function asksForDebugging(words: readonly string[]): boolean {
  try {
    const { flags } = parseWords(globalFlags, words, { stopAtFirst: true, unknown: (name) => usageError(name) });
    return flags.debug === true || flags["log-level"] === "debug";
  } catch {
    return false; // the error that is being told
  }
}

async function runCommand({ command, rest }: { command: Command; rest: string[] }, globals: Flags, program: Program): Promise<number> {
  const parsed = await withUsage(command, program, () =>
    parseCommand(command, rest, { program, unknown: (name) => new UnknownFlag(name) }),
  );
  if (parsed.help) {
    await showHelp(command, program);
    return 0;
  }
  if (typeof globals.config === "string") process.env.DOCKER_CONFIG = globals.config;
  const root = typeof globals.root === "string" ? globals.root : undefined;
  if (root !== undefined) process.env.HOY_ROOT = root;
  if (command.namespace && process.getuid?.() !== 0) {
    const { enterNamespace } = await import("../engine/namespace.ts");
    enterNamespace();
  }
  const { default: body } = await command.load();
  if (globals["log-level"] !== undefined && !LOG_LEVELS.has(globals["log-level"]))
    throw new HoyError(`unable to parse logging level: ${globals["log-level"]}`, {
      exitCode: 1,
      hint: `levels are ${[...LOG_LEVELS].join(", ")}`,
    });
  const logLevel = globals.debug ? "debug" : typeof globals["log-level"] === "string" ? globals["log-level"] : "info";
  return (await body({ flags: parsed.flags, args: parsed.args, root, logLevel, program })) ?? 0;
}

/** Written as `--x` or `-x`. What to say of it takes tables that no other command line needs. */
class UnknownFlag extends Error {
  constructor(readonly flag: string) {
    super(flag);
  }
}

/** A mistake on the command line is told with the usage line and where to read on. */
async function withUsage<T>(command: Command, program: Program, parse: () => T): Promise<T> {
  try {
    return parse();
  } catch (thrown) {
    const error = thrown instanceof UnknownFlag ? await unknownFlag(command, thrown.flag) : thrown;
    if (!(error instanceof HoyError)) throw error;
    const { shortName, usageLines } = await import("./help.ts");
    const usage = usageLines(command, program);
    const hint = `${error.hint ? `${error.hint}\n` : ""}\n${usage}\n\nRun '${program} ${shortName(command)} --help' for more information`;
    throw new HoyError(error.message, { hint, exitCode: error.exitCode ?? 125, status: error.status, cause: error });
  }
}

async function unknownFlag(command: Command, name: string): Promise<HoyError> {
  const { unsupportedFlag } = await import("./table/unsupported.ts");
  const missing = unsupportedFlag(command.meta.name, name);
  if (missing !== undefined) return usageError(`the flag --${missing} is not supported by this version of hoy`);
  const { nearest } = await import("./nearest.ts");
  const near = name.startsWith("--") ? nearest(name.slice(2), Object.keys(command.args)) : undefined;
  const message = name.startsWith("--") ? `unknown flag: ${name}` : `unknown shorthand flag: '${name.slice(1)}' in ${name}`;
  return new HoyError(message, { exitCode: 125, status: 400, ...(near ? { hint: `Did you mean --${near}?` } : {}) });
}

function unknownGlobal(name: string, program: Program): HoyError {
  if (REMOTE_FLAGS.has(name))
    return new HoyError(`${name} is not supported: hoy works without a daemon`, {
      exitCode: 125,
      hint: "HOY_ROOT or --root choose another store",
    });
  return new HoyError(`unknown flag: ${name}`, { exitCode: 125, hint: `See '${program} --help'.` });
}

async function showAll(program: Program): Promise<void> {
  const { commands, groups } = await import("./table/index.ts");
  const { programHelp } = await import("./help.ts");
  out(programHelp({ commands, groups, globals: globalFlags, program }));
}

async function showHelp(command: Command, program: Program): Promise<void> {
  const { commandHelp } = await import("./help.ts");
  out(commandHelp(command, program));
}

async function help(words: readonly string[], program: Program): Promise<number> {
  if (words.length === 0) await showAll(program);
  else {
    const found = await findCommand(words);
    if (!found) return await groupOrUnknown(words, program);
    await showHelp(found.command, program);
  }
  return 0;
}

async function groupOrUnknown(words: readonly string[], program: Program): Promise<number> {
  const { commands, groups } = await import("./table/index.ts");
  const [first = "", second] = words;
  const group = groups.find(({ name }) => name === first);
  const members = commands.filter(({ meta }) => meta.name.startsWith(`${first} `));
  if (group && (second === undefined || second.startsWith("-"))) {
    const { groupHelp } = await import("./help.ts");
    out(groupHelp(group, members, program));
    return 0;
  }
  const names = group
    ? members.map(({ meta }) => meta.name.slice(first.length + 1))
    : [
        ...groups.map(({ name }) => name),
        ...commands.flatMap(({ meta, aliases = [] }) => [meta.name, ...aliases]).filter((name) => !name.includes(" ")),
      ];
  const word = group ? (second ?? "") : first;
  const shown = group ? `${program} ${first} ${second}` : `${program} ${first}`;
  const where = group ? `${program} ${first}` : program;
  const { unsupportedCommand } = await import("./table/unsupported.ts");
  if (unsupportedCommand(group ? first : "", word))
    throw new HoyError(`the command ${shown} is not supported by this version of hoy`, {
      exitCode: 1,
      hint: `\nRun '${where} --help' for what there is`,
    });
  const { nearest } = await import("./nearest.ts");
  const near = nearest(word, names);
  throw new HoyError(`unknown command: ${shown}`, {
    exitCode: 1,
    hint: `${near ? `Did you mean ${where} ${near}?\n` : ""}\nRun '${where} --help' for more information`,
  });
}
