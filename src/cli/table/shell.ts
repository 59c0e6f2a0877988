/** What hoy has for shells: plain data, so that help and completion load no command. */
import { command } from "../define.ts";

export const shellCommands = [
  command({
    meta: { name: "completion", description: "Generate the autocompletion script for the specified shell" },
    usage: "bash|zsh|fish",
    positionals: [1, 1],
    args: {},
    load: () => import("../system/completion.ts"),
  }),
];
