/** Flags before the command. */
import type { FlagDefs } from "../define.ts";

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
