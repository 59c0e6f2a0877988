/**
 * The settings files: /etc/hoy/config.json for everybody, then $XDG_CONFIG_HOME/hoy/config.json (else ~/.config), whose keys win.
 * Mostly there is none: then this costs two stats, and the schema is not loaded.
 */

import { join } from "node:path";
import { readFileSync, statSync } from "../../ffi/fs.ts";
import { HoyError, reasonOf } from "../spec/error.ts";
import type { Settings } from "../spec/settings.ts";

export type { Settings };

/** The paths of the settings files, the one that wins last. */
export function settingsFiles(): string[] {
  const home = process.env.XDG_CONFIG_HOME || (process.env.HOME && join(process.env.HOME, ".config"));
  return ["/etc/hoy/config.json", ...(home ? [join(home, "hoy/config.json")] : [])];
}

/** The settings of this user. Throws HoyError, which names file and key, for a file that cannot be read or an unknown key. */
export async function readSettings(files: readonly string[] = settingsFiles()): Promise<Settings> {
  let settings: Settings = {};
  for (const file of files) if (exists(file)) settings = { ...settings, ...(await readFile(file)) };
  return settings;
}

function exists(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    // A home that this user may not look into (`sudo -u`) holds no settings for it.
    if ((error as NodeJS.ErrnoException).code === "EACCES" || (error as NodeJS.ErrnoException).code === "ENOTDIR") return false;
    throw new HoyError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

async function readFile(file: string): Promise<Settings> {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new HoyError(`cannot read the settings in ${file}: ${reasonOf(error)}`, { cause: error });
  }
  // To valibot an array is an object, too.
  if (Array.isArray(document)) throw new HoyError(`${file}: expected an object, got an array`);
  const [{ settingsSchema }, { validate }] = await Promise.all([import("../spec/settings.ts"), import("../spec/validate.ts")]);
  return validate(settingsSchema, document, file);
}
