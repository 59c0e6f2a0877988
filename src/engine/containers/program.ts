/** hoy itself, as what has to be executed later: by a monitor at the end of its container, by the player inside a namespace. */
import type { StorePaths } from "../../state/store.ts";
import { ROOTLESS_VARIABLE } from "../../state/store.ts";

/** Path of the executable, and what stands before the arguments when hoy runs from its sources. */
export function engineProgram(): { path: string; prefix: string[] } {
  const fromSource = process.execPath.endsWith("/bun") && process.argv[1]?.endsWith(".ts");
  return { path: process.execPath, prefix: fromSource ? [process.argv[1] as string] : [] };
}

const KEPT = ["PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "TMPDIR", ROOTLESS_VARIABLE];

/** What of the environment hoy needs to find the same store again; nothing that Bun would obey (BUN_*) and no secret. */
export function engineEnvironment(store: Pick<StorePaths, "root">): string[] {
  const kept = KEPT.flatMap((name) => (process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`]));
  return [...kept, `HOY_ROOT=${store.root}`];
}
