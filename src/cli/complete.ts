/**
 * Completion: commands, flags and live values for the word under the cursor. The shells' scripts (completions/) ask for it with
 * `hoy __complete -- WORDS…` and show what they are told; the line `:files` alone says that they complete a file's name themselves.
 */
import type { Store } from "../engine/store.ts";
import { ARGUMENTS, FLAG_VALUES, wordsOf } from "./complete/values.ts";
import type { Command, FlagDefs } from "./define.ts";
import { globalFlags } from "./table/globals.ts";
import { commands, findCommand, groups } from "./table/index.ts";

export const FILES = ":files";

/** Lines `value` or `value<TAB>description` for the last of `words`; the words before it are complete. */
export async function complete(words: readonly string[]): Promise<string[]> {
  const last = words.at(-1) ?? "";
  const globals = readGlobals(words.slice(0, -1));
  const open = async (): Promise<() => Store | undefined> => {
    const { existingStore } = await import("../engine/completion.ts");
    return () => existingStore(globals.root);
  };
  if (globals.pending) return await valuesFor({ command: "", flag: globals.pending, word: last, open });
  if (globals.rest[0] === "runtime") return await ofRuntime(globals.rest.slice(1), last, open);
  const found = findCommand(globals.rest);
  if (globals.rest.length === 0 && last.startsWith("-")) return await ofFlag({ command: "", defs: globalFlags, last, open });
  if (!found) return matching(ofProgram(globals.rest), last);
  return await ofCommand(found, last, open);
}

/** `hoy runtime`, with flags of its own before the command, and containers of its own. */
async function ofRuntime(words: readonly string[], last: string, open: Opener): Promise<string[]> {
  const { runtimeCommands, runtimeFlags } = await import("./table/runtime.ts");
  const { rest, root, pending } = readGlobals(words, runtimeFlags);
  if (pending) return await valuesFor({ command: "runtime", flag: pending, word: last, open });
  const [name, ...given] = rest;
  if (name === undefined)
    return last.startsWith("-")
      ? await ofFlag({ command: "runtime", defs: runtimeFlags, last, open })
      : matching(
          runtimeCommands.map(({ meta }) => described(meta.name, meta.description)),
          last,
        );
  const command = runtimeCommands.find(({ meta }) => meta.name === name);
  if (!command) return [];
  const { positionals, pending: flag } = readWords(command.args, given, command.stopAtFirst);
  if (!command.usage.includes("CONTAINER") || positionals.length > 0 || flag !== undefined || last.startsWith("-"))
    return await ofCommand({ command: { ...command, meta: { ...command.meta, name: `runtime ${name}` } }, rest: given }, last, open);
  const { runtimeContainers } = await import("./runtime/complete.ts");
  return fitting(runtimeContainers(root), last);
}

type Opener = () => Promise<() => Store | undefined>;

const matching = (lines: readonly string[], word: string): string[] => lines.filter((line) => line.startsWith(word));

const described = (name: string, description: string): string => `${name}\t${description.split("\n")[0]}`;

/** Takes the flags before the command off; `pending` is the one whose value is being written. */
function readGlobals(
  words: readonly string[],
  defs: FlagDefs = globalFlags,
): { rest: readonly string[]; root: string | undefined; pending: string | undefined } {
  let root: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (!word.startsWith("-")) return { rest: words.slice(at), root, pending: undefined };
    const { name, value } = flagOf(word, defs);
    if (name === undefined || defs[name]?.type === "boolean") continue;
    if (value === undefined && at + 1 === words.length) return { rest: [], root, pending: name };
    const given = value ?? (words[++at] as string);
    if (name === "root") root = given;
  }
  return { rest: [], root, pending: undefined };
}

/** The flag that a word gives, and the value in the same word. Of `-it`, the last. */
function flagOf(word: string, defs: FlagDefs): { name: string | undefined; value: string | undefined } {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    return { name: Object.hasOwn(defs, name) ? name : undefined, value: equals < 0 ? undefined : word.slice(equals + 1) };
  }
  for (let at = 1; at < word.length; at++) {
    const name = Object.keys(defs).find((each) => defs[each]?.alias === word[at]);
    if (name === undefined) break;
    if (defs[name]?.type !== "boolean" || at + 1 === word.length)
      return { name, value: at + 1 === word.length ? undefined : word.slice(at + 1) };
  }
  return { name: undefined, value: undefined };
}

function ofProgram(before: readonly string[]): string[] {
  const [group, unknown] = before;
  if (unknown !== undefined) return [];
  if (group !== undefined)
    return commands
      .filter(({ meta }) => meta.name.startsWith(`${group} `))
      .map(({ meta }) => described(meta.name.slice(group.length + 1), meta.description));
  const top = commands.flatMap(({ meta, aliases = [] }) =>
    [meta.name, ...aliases].filter((name) => !name.includes(" ")).map((name) => described(name, meta.description)),
  );
  return [...top, ...groups.map(({ name, description }) => described(name, description))].sort();
}

async function ofCommand({ command, rest }: { command: Command; rest: string[] }, last: string, open: Opener): Promise<string[]> {
  const { meta, args, stopAtFirst } = command;
  const { positionals, pending } = readWords(args, rest, stopAtFirst);
  if (pending !== undefined) return await valuesFor({ command: meta.name, flag: pending, word: last, open });
  const flagsOver = (stopAtFirst && positionals.length > 0) || rest.includes("--");
  if (last.startsWith("-") && !flagsOver) return await ofFlag({ command: meta.name, defs: args, last, open });
  const wanted = ARGUMENTS[meta.name];
  const source = typeof wanted === "object" && "each" in wanted ? wanted.each[positionals.length] : wanted;
  // behind the image, the container's own command line begins
  if (!source) return stopAtFirst && positionals.length > 0 ? [FILES] : [];
  const words = fitting(await wordsOf(source, await open()), last, positionals);
  // what can be no container's is a path on the host
  return source === "copies" && words.length === 0 && !last.includes(":") ? [FILES] : words;
}

interface FlagWord {
  command: string;
  defs: FlagDefs;
  last: string;
  open: Opener;
}

/** A flag itself, or the value behind its equals sign. */
async function ofFlag({ command, defs, last, open }: FlagWord): Promise<string[]> {
  const { name, value } = flagOf(last, defs);
  if (name !== undefined && value !== undefined && last.startsWith("--")) {
    const lines = await valuesFor({ command, flag: name, word: value, open });
    return lines[0] === FILES ? lines : lines.map((line) => `--${name}=${line}`);
  }
  const shown = Object.entries(defs).filter(([, { hidden }]) => !hidden);
  return matching(
    shown.map(([flag, { description }]) => described(`--${flag}`, description)),
    last,
  );
}

const fitting = (words: readonly string[] | undefined, last: string, given: readonly string[] = []): string[] =>
  words === undefined ? [FILES] : words.filter((word) => word.startsWith(last) && !given.includes(word));

/** Sorts the words before the cursor; `pending` is the flag that waits for its value. */
function readWords(defs: FlagDefs, words: readonly string[], stopAtFirst = false): { positionals: string[]; pending: string | undefined } {
  const positionals: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") return { positionals: [...positionals, ...words.slice(at + 1)], pending: undefined };
    if (!word.startsWith("-") || word === "-") {
      if (stopAtFirst) return { positionals: words.slice(at), pending: undefined };
      positionals.push(word);
      continue;
    }
    const { name, value } = flagOf(word, defs);
    if (name === undefined || value !== undefined || defs[name]?.type === "boolean") continue;
    if (at + 1 === words.length) return { positionals, pending: name };
    at++;
  }
  return { positionals, pending: undefined };
}

async function valuesFor({ command, flag, word, open }: { command: string; flag: string; word: string; open: Opener }): Promise<string[]> {
  const source = FLAG_VALUES[`${command} ${flag}`] ?? FLAG_VALUES[flag];
  if (!source) return [];
  // a path on the host is what a volume may be as well
  if (flag === "volume" && /^[./~]/.test(word)) return [FILES];
  return fitting(await wordsOf(source, await open()), word);
}
