/** The command line, as Docker's pflag reads it: --flag=value, --flag value, -abc, -ofile, --bool=false, and `--`. */
import { HoyError } from "../spec/error.ts";
import type { Command, FlagDef, FlagDefs, Flags } from "./define.ts";

export interface Parsed {
  flags: Flags;
  args: string[];
  help: boolean;
}

/** A mistake on the command line: told with the usage line. Docker's exit code for it is 125. */
export const usageError = (message: string, exitCode = 125): HoyError => new HoyError(message, { exitCode, status: 400 });

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

function checkValue(name: string, { type }: FlagDef, value: string): void {
  const wrong = (what: string) =>
    usageError(`invalid argument ${JSON.stringify(value)} for "${name}" flag: ${what}: parsing ${JSON.stringify(value)}: invalid syntax`);
  if (type === "int" && !INTEGER.test(value)) throw wrong("strconv.ParseInt");
  if (type === "decimal" && !DECIMAL.test(value)) throw wrong("strconv.ParseFloat");
}

function parseBoolean(name: string, value: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw usageError(
    `invalid argument ${JSON.stringify(value)} for "${name}" flag: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}

class Collector {
  readonly flags: Flags = {};
  help = false;

  constructor(
    readonly defs: FlagDefs,
    readonly unknown: (name: string) => Error,
  ) {}

  set(name: string, shown: string, value: string): void {
    const def = this.defs[name] as FlagDef;
    const long = def.sameAs ?? name;
    checkValue(shown, def, value);
    if (def.type === "boolean") this.flags[long] = parseBoolean(shown, value);
    else if (def.type === "list") this.flags[long] = [...((this.flags[long] as string[] | undefined) ?? []), value];
    else this.flags[long] = value;
  }

  /** Reads one `--…`; returns how many further words it took. */
  long(word: string, next: string | undefined): number {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    if (name === "help" && !this.defs.help) {
      this.help = true;
      return 0;
    }
    const def = Object.hasOwn(this.defs, name) ? this.defs[name] : undefined;
    if (!def) throw this.unknown(`--${name}`);
    if (equals >= 0) this.set(name, `--${name}`, word.slice(equals + 1));
    else if (def.type === "boolean") this.set(name, `--${name}`, "true");
    else if (next === undefined) throw usageError(`flag needs an argument: --${name}`);
    else {
      this.set(name, `--${name}`, next);
      return 1;
    }
    return 0;
  }

  /** Reads one `-abc`; returns how many further words it took. */
  short(word: string, next: string | undefined): number {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] as string;
      const found = Object.entries(this.defs).find(([, def]) => def.alias === letter);
      if (!found) {
        if (letter === "h") {
          this.help = true;
          continue;
        }
        throw this.unknown(`-${letter}`);
      }
      const [name, def] = found;
      const shown = `-${letter}, --${name}`;
      const rest = word.slice(at + 1);
      if (def.type === "boolean") {
        if (rest.startsWith("=")) {
          this.set(name, shown, rest.slice(1));
          return 0;
        }
        this.set(name, shown, "true");
        continue;
      }
      if (rest !== "") this.set(name, shown, rest.startsWith("=") ? rest.slice(1) : rest);
      else if (next === undefined) throw usageError(`flag needs an argument: '${letter}' in -${word.slice(1)}`);
      else {
        this.set(name, shown, next);
        return 1;
      }
      return 0;
    }
    return 0;
  }
}

export interface ParseOptions {
  stopAtFirst?: boolean | undefined;
  /** The error for a flag that is not defined, `--x` or `-x`. */
  unknown: (name: string) => Error;
}

/** Sorts the words into flags and arguments. Throws a usage error. */
export function parseWords(
  defs: FlagDefs,
  words: readonly string[],
  { stopAtFirst = false, unknown }: ParseOptions,
): Parsed & { rest: string[] } {
  const collector = new Collector(defs, unknown);
  const args: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") {
      args.push(...words.slice(at + 1));
      break;
    }
    if (word.startsWith("--")) at += collector.long(word, words[at + 1]);
    else if (word.startsWith("-") && word !== "-") at += collector.short(word, words[at + 1]);
    else if (stopAtFirst)
      return { flags: collector.flags, help: collector.help, args: words.slice(at) as string[], rest: words.slice(at) as string[] };
    else args.push(word);
  }
  return { flags: collector.flags, help: collector.help, args, rest: [] };
}

/** Reads a command's own words and checks how many arguments there are. Throws a usage error. */
export function parseCommand(
  definition: Command,
  words: readonly string[],
  { program, unknown }: { program: string; unknown: (name: string) => Error },
): Parsed {
  const parsed = parseWords(definition.args, words, { stopAtFirst: definition.stopAtFirst, unknown });
  if (parsed.help) return parsed;
  const [least, most] = definition.positionals;
  const count = parsed.args.length;
  // run and create take no image with --rootfs
  const min = typeof parsed.flags.rootfs === "string" ? 0 : least;
  if (count >= min && count <= most) return parsed;
  const name = `'${program} ${definition.aliases?.find((alias) => !alias.includes(" ")) ?? definition.meta.name}'`;
  const plural = (n: number) => `${n} argument${n === 1 ? "" : "s"}`;
  if (most === 0) throw usageError(`${name} accepts no arguments`, 1);
  if (least === most) throw usageError(`${name} requires ${plural(least)}`, 1);
  throw usageError(count < min ? `${name} requires at least ${plural(least)}` : `${name} requires at most ${plural(most)}`, 1);
}
