/**
 * Definitions of commands in the shape of citty's `defineCommand`: `meta`, `args` with types of ours on top, and a body that is
 * loaded when the command runs. Parser, dispatcher and help read them (parse.ts, dispatch.ts, help.ts).
 */
import type { CommandMeta } from "citty";
import type { Program } from "../spec/caller.ts";

/** boolean and string are citty's; list may be repeated; the numbers are checked and handed on as they were written. */
export type FlagType = "boolean" | "string" | "list" | "int" | "decimal" | "bytes";

export interface FlagDef {
  type: FlagType;
  /** One letter. */
  alias?: string;
  description: string;
  /** What stands for the value in the help; the type when absent. */
  valueHint?: string;
  hidden?: boolean;
  /** The flag of the same type that this is another name of. */
  sameAs?: string;
}

/** By long name, in the order of the help. */
export type FlagDefs = Readonly<Record<string, FlagDef>>;

/** Values as they were written; what was not given is absent. */
export type Flags = Record<string, string | boolean | readonly string[] | undefined>;

export interface Invocation {
  flags: Flags;
  /** Everything that is no flag. */
  args: string[];
  /** --root, if given. */
  root: string | undefined;
  logLevel: string;
  /** As what we were called. */
  program: Program;
  /** --systemd-cgroup of `hoy runtime`. */
  systemdCgroup?: boolean;
  /** Where `hoy runtime` warns. */
  warn?: (text: string) => void;
}

/** Runs a command; the number is its exit code, 0 when there is none. */
export type Body = (invocation: Invocation) => number | undefined | Promise<number | undefined>;

export interface Command {
  meta: CommandMeta & { name: string; description: string };
  /** Other names for the same, `ps` for `container ls`. */
  aliases?: readonly string[];
  /** What follows the name in the help; a line for each way to use it. */
  usage: string;
  /** Least and most words that are no flags. */
  positionals: readonly [min: number, max: number];
  /** Flags end at the first word that is none: the rest belongs to the container. */
  stopAtFirst?: boolean;
  /** For an ordinary user it runs inside the user's namespace, where the store's files have their owners. */
  namespace?: boolean;
  args: FlagDefs;
  load: () => Promise<{ default: Body }>;
}

/** The identity, as citty's defineCommand is; it checks the shape. */
export const command = (definition: Command): Command => definition;

/** A flag's value by type, for bodies. */
export const text = (flags: Flags, name: string): string | undefined => flags[name] as string | undefined;
export const truth = (flags: Flags, name: string): boolean => flags[name] === true;
export const list = (flags: Flags, name: string): readonly string[] => (flags[name] as readonly string[] | undefined) ?? [];
