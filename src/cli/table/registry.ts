/** Commands and flags that speak with registries: plain data, so that help and completion load no command. */
import { command } from "../define.ts";

export const registryCommands = [
  command({
    meta: { name: "image pull", description: "Download an image from a registry" },
    aliases: ["pull"],
    usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
    positionals: [1, 1],
    namespace: true,
    args: {
      "all-tags": { type: "boolean", alias: "a", description: "Download all tagged images in the repository" },
      platform: { type: "string", description: "Set platform if server is multi-platform capable" },
      progress: { type: "string", valueHint: "mode", description: 'Form of the progress output ("auto", "plain", "tty", "json", "quiet")' },
      quiet: { type: "boolean", alias: "q", description: "Suppress verbose output" },
    },
    load: () => import("../image/pull.ts"),
  }),
  command({
    meta: { name: "login", description: "Authenticate to a registry" },
    usage: "[OPTIONS] [SERVER]",
    positionals: [0, 1],
    args: {
      password: { type: "string", alias: "p", description: "Password or Personal Access Token (PAT)" },
      "password-stdin": { type: "boolean", description: "Take the Password or Personal Access Token (PAT) from stdin" },
      username: { type: "string", alias: "u", description: "Username" },
    },
    load: () => import("../registry/login.ts"),
  }),
  command({
    meta: { name: "logout", description: "Log out from a registry" },
    usage: "[SERVER]",
    positionals: [0, 1],
    args: {},
    load: () => import("../registry/logout.ts"),
  }),
];
