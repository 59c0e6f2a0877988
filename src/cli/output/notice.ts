/** Notices that are no errors, by consola on stderr: loaded when there is one, as it costs 20 ms. `--log-level` decides what is shown. */

const LEVELS: Record<string, number> = { fatal: 0, error: 0, warn: 1, info: 3, debug: 4 };

/** Tells of something that the user may want to act on. */
export async function notice(level: "warn" | "info", text: string, logLevel: string): Promise<void> {
  const shown = LEVELS[logLevel] ?? 3;
  if ((LEVELS[level] as number) > shown) return;
  const { createConsola } = await import("consola/basic");
  const consola = createConsola({ level: shown, stdout: process.stderr, stderr: process.stderr, formatOptions: { date: false } });
  consola[level](text);
}
