/** Who called hoy: by which name, and with which variables. */

export type Program = "hoy" | "docker";

/** As what hoy was called: a link by the name of docker makes it speak of docker. */
export const programName = (): Program => (`/${process.argv0}`.endsWith("/docker") ? "docker" : "hoy");

/** Before the name of a variable on its way to the hoy inside a user's namespace. */
const CARRIED = "HOY_CALLER_";
const hidden = new Map<string, string>();

/** Takes away what Bun would obey in hoy's own children (BUN_*); the caller's values stay known for `-e NAME`. */
export function hideVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    const own = name.startsWith(CARRIED) ? name.slice(CARRIED.length) : name;
    if (!own.startsWith("BUN_")) continue;
    if (value !== undefined) hidden.set(own, value);
    delete process.env[name];
  }
}

/** The value that a variable had when hoy was called. */
export const callerVariable = (name: string): string | undefined => hidden.get(name) ?? process.env[name];

/** The hidden variables as `NAME=value` for hoy's own second start, under names that nobody obeys. */
export const carriedVariables = (): string[] => [...hidden].map(([name, value]) => `${CARRIED}${name}=${value}`);
