/** From words to a command, with no more of the tables loaded than it takes. */
import type { Command } from "../define.ts";

export interface FoundCommand {
  command: Command;
  /** The words after its name. */
  rest: string[];
}

/** The command of these that the words begin with. */
export function findAmong(commands: readonly Command[], words: readonly string[]): FoundCommand | undefined {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    if (words.length < length) continue;
    for (const command of commands)
      if (command.meta.name === name || command.aliases?.includes(name)) return { command, rest: words.slice(length) };
  }
  return undefined;
}

/** What the commands of the table `container` begin with: those that people wait for. */
export const CONTAINER_WORDS: ReadonlySet<string> = new Set([
  "attach",
  "commit",
  "container",
  "cp",
  "create",
  "diff",
  "exec",
  "export",
  "kill",
  "logs",
  "pause",
  "ps",
  "rename",
  "restart",
  "rm",
  "run",
  "start",
  "stats",
  "stop",
  "top",
  "unpause",
  "update",
  "wait",
]);

/** The command that the words begin with. */
export async function findCommand(words: readonly string[]): Promise<FoundCommand | undefined> {
  if (CONTAINER_WORDS.has(words[0] ?? "")) {
    const { containerCommands } = await import("./container.ts");
    const found = findAmong(containerCommands, words);
    if (found) return found;
  }
  const { commands } = await import("./index.ts");
  return findAmong(commands, words);
}
