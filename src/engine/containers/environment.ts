/** The process's environment and arguments (moby container.CreateDaemonEnvironment, runc's HOME). */
import { DEFAULT_PATH } from "../../runtime/defaults.ts";
import { HoyError } from "../../spec/error.ts";
import type { ContainerConfig } from "./options.ts";

/**
 * Later entries replace earlier ones of their name in place, a bare `KEY` takes it away.
 * Order: PATH, HOSTNAME, TERM with a terminal, then the container's own; HOME (runc's part) last, unless one is set.
 */
export function processEnv(config: Pick<ContainerConfig, "Env" | "Hostname" | "Tty">, home: string): string[] {
  const env = new Map<string, string>([
    ["PATH", DEFAULT_PATH],
    ["HOSTNAME", config.Hostname],
    ...(config.Tty ? [["TERM", "xterm"] as const] : []),
  ]);
  overrideEnv(env, config.Env);
  if (!env.get("HOME")) {
    env.delete("HOME");
    env.set("HOME", home);
  }
  return [...env].map(([key, value]) => `${key}=${value}`);
}

/** Applies `KEY=value` and bare `KEY` (unset) entries to a set of variables; exec uses it too. */
export function overrideEnv(env: Map<string, string>, entries: readonly string[]): void {
  for (const entry of entries) {
    if (entry.includes("\0"))
      throw new HoyError(`the environment variable ${JSON.stringify(entry.split("=")[0])} holds a NUL byte`, { status: 400 });
    const equals = entry.indexOf("=");
    if (equals < 0) env.delete(entry);
    else env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
}

/** The entrypoint and then the command. */
export function processArgs(config: Pick<ContainerConfig, "Entrypoint" | "Cmd">): string[] {
  const args = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const wrong = args.find((word) => word.includes("\0"));
  if (wrong !== undefined) throw new HoyError(`the command holds a NUL byte: ${JSON.stringify(wrong)}`, { status: 400 });
  return args;
}
