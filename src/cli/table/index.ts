/** All commands and groups. */
import type { Command, FlagDefs } from "../define.ts";
import type { Group } from "../help.ts";
import { containerCommands } from "./container.ts";
import { imageCommands } from "./image.ts";
import { networkCommands } from "./network.ts";
import { registryCommands } from "./registry.ts";
import { shellCommands } from "./shell.ts";
import { systemCommands } from "./system.ts";
import { volumeCommands } from "./volume.ts";

export const commands: readonly Command[] = [
  ...containerCommands,
  ...imageCommands,
  ...networkCommands,
  ...volumeCommands,
  ...registryCommands,
  ...systemCommands,
  ...shellCommands,
];

export const groups: readonly Group[] = [
  { name: "container", description: "Manage containers" },
  { name: "image", description: "Manage images" },
  { name: "network", description: "Manage networks" },
  { name: "runtime", description: "Run containers from OCI bundles, as runc does" },
  { name: "volume", description: "Manage volumes" },
];

export const globalFlags = {
  config: { type: "string", description: 'Location of client config files (default "~/.docker")' },
  debug: { type: "boolean", alias: "D", description: "Enable debug mode" },
  "log-level": {
    type: "string",
    alias: "l",
    description: 'Set the logging level ("debug", "info", "warn", "error", "fatal") (default "info")',
  },
  root: { type: "string", valueHint: "dir", description: "Keep images, containers and volumes in this directory (HOY_ROOT)" },
  version: { type: "boolean", alias: "v", description: "Print version information and quit" },
} as const satisfies FlagDefs;

/** Docker's global flags that speak of a daemon elsewhere. */
export const REMOTE_FLAGS: ReadonlySet<string> = new Set([
  "--host",
  "-H",
  "--context",
  "-c",
  "--tls",
  "--tlscacert",
  "--tlscert",
  "--tlskey",
  "--tlsverify",
]);

/** The command that the words begin with, and the words after its name. */
export function findCommand(words: readonly string[]): { command: Command; rest: string[] } | undefined {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    if (words.length < length) continue;
    const found = commands.find(({ meta, aliases }) => meta.name === name || aliases?.includes(name));
    if (found) return { command: found, rest: words.slice(length) };
  }
  return undefined;
}
