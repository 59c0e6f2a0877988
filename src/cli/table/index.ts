/** All commands and groups. */
import type { Command } from "../define.ts";
import type { Group } from "../help.ts";
import { containerCommands } from "./container.ts";
import { type FoundCommand, findAmong } from "./find.ts";
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
  { name: "system", description: "Manage Docker" },
  { name: "volume", description: "Manage volumes" },
];

/** The command that the words begin with, and the words after its name. */
export const findCommand = (words: readonly string[]): FoundCommand | undefined => findAmong(commands, words);
