/** `--help`, in Docker's layout (docker/cli cli/cobra.go; pflag's FlagUsagesWrapped). */
import type { Command, FlagDef, FlagDefs } from "./define.ts";

/** Width of a terminal that has none: Docker's. */
const WIDTH = 80;

/** Characters that the end of a text may reach over the line's end: less than a word is not worth a line (pflag). */
const SLOP = 5;

/** Breaks a description into lines beside the column of the flags, just as pflag does (flag.go, wrap and wrapN). */
function wrap(text: string, indent: number, width: number): string {
  const room = width - 1 - indent - SLOP;
  const lines: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const head = rest.slice(0, room);
    const space = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\n"));
    const whole = room + SLOP > rest.length || space <= 0;
    const line = head.lastIndexOf("\n");
    const end = whole ? rest.length : line > 0 ? line : space;
    lines.push(...rest.slice(0, end).split("\n"));
    rest = rest.slice(end + 1);
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}

const hintOf = ({ type, valueHint }: FlagDef): string => (type === "boolean" ? "" : ` ${valueHint ?? type}`);

function flagLines(defs: FlagDefs, width: number): string[] {
  const rows = Object.entries(defs)
    .filter(([, def]) => !def.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, def]) => [`  ${def.alias ? `-${def.alias}, ` : "    "}--${name}${hintOf(def)}`, def.description] as const);
  const column = Math.max(...rows.map(([left]) => left.length)) + 3;
  return rows.map(([left, description]) => left.padEnd(column) + wrap(description, column, width));
}

/** Help of one command. */
export function commandHelp(definition: Command, program: string, width = WIDTH): string {
  const { meta, aliases = [] } = definition;
  const names = [meta.name, ...aliases].map((name) => `${program} ${name}`);
  const parts = [usageLines(definition, program), meta.description];
  if (names.length > 1) parts.push(`Aliases:\n  ${names.join(", ")}`);
  if (Object.keys(definition.args).length > 0) parts.push(`Options:\n${flagLines(definition.args, width).join("\n")}`);
  return `${parts.join("\n\n")}\n`;
}

/** `Usage:  hoy run …`; a command that is used in several ways has a line for each. */
export const usageLines = (definition: Command, program: string): string =>
  `Usage:  ${definition.usage
    .split("\n")
    .map((line) => `${program} ${shortName(definition)} ${line}`.trimEnd())
    .join("\n\t")}`;

/** `run` for `container run`: what people type. */
export const shortName = ({ meta, aliases = [] }: Command): string => aliases.find((alias) => !alias.includes(" ")) ?? meta.name;

function columns(rows: readonly (readonly [name: string, description: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  return rows.map(([name, description]) => `  ${name.padEnd(width)}${description}`).join("\n");
}

export interface Group {
  name: string;
  description: string;
}

/** Help of `container`, `image` and so on. */
export function groupHelp(group: Group, commands: readonly Command[], program: string): string {
  const prefix = group.name === "" ? "" : `${group.name} `;
  const rows = commands
    .map(({ meta }) => [meta.name.slice(prefix.length), meta.description.split("\n")[0] as string] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `Usage:  ${program} ${prefix}COMMAND`,
    group.description,
    `Commands:\n${columns(rows)}`,
    `Run '${program} ${prefix}COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}

const COMMON = ["run", "exec", "ps", "pull", "images", "login", "logout", "version", "info"];

/** Help of hoy itself. */
export function programHelp(parts: { commands: readonly Command[]; groups: readonly Group[]; globals: FlagDefs; program: string }): string {
  const { commands, groups, globals, program } = parts;
  const top = commands
    .flatMap((definition) =>
      [definition.meta.name, ...(definition.aliases ?? [])]
        .filter((name) => !name.includes(" "))
        .map((name) => [name, definition] as const),
    )
    .map(([name, { meta }]) => [name, meta.description.split("\n")[0] as string] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const common = COMMON.flatMap((name) => top.filter(([other]) => other === name));
  const others = top.filter(([name]) => !COMMON.includes(name));
  return [
    `Usage:  ${program} [OPTIONS] COMMAND`,
    "The container platform in one file",
    `Common Commands:\n${columns(common)}`,
    `Management Commands:\n${columns(groups.map(({ name, description }) => [name, description] as const))}`,
    `Commands:\n${columns(others)}`,
    `Global Options:\n${flagLines(globals, WIDTH).join("\n")}`,
    `Run '${program} COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}
