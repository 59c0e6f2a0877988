import { join } from "node:path";

/** Where the state lies unless --root says otherwise. */
export function defaultRoot(): string {
  const { XDG_RUNTIME_DIR: runtimeDir } = process.env;
  return join(process.geteuid?.() === 0 || !runtimeDir ? "/run" : runtimeDir, "hoy", "runtime");
}
