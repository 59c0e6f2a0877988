/** `system install`: the unit of `system boot`, enabled as systemctl(1) enable does it: by a link in the target's folder. */
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { failureOf, HoyError } from "../../spec/error.ts";
import { type StorePaths, storePaths } from "../../state/store.ts";
import { engineProgram } from "../containers/program.ts";
import { bootTarget, bootUnit } from "./unit.ts";

export interface UnitPlace {
  /** The unit's file. */
  file: string;
  /** The link that has it started. */
  link: string;
}

/** systemd.unit(5), "Unit File Load Path". A store that is not the default one has a unit of its own. */
function placeOf({ rootless, name, root }: StorePaths): UnitPlace {
  const home = process.env.XDG_CONFIG_HOME || join(process.env.HOME || "/", ".config");
  const folder = rootless ? join(home, "systemd/user") : "/etc/systemd/system";
  const unit = root === storePaths("").root ? "hoy-boot.service" : `hoy-boot-${name}.service`;
  return { file: join(folder, unit), link: join(folder, `${bootTarget(rootless)}.wants`, unit) };
}

/** Writes the unit and its link; what was there is replaced. Returns the unit's path. Throws HoyError. */
export function installUnit(): string {
  const paths = storePaths();
  const place = placeOf(paths);
  const { path, prefix } = engineProgram();
  const root = paths.root === storePaths("").root ? undefined : paths.root;
  const text = bootUnit({ program: [path, ...prefix], root, rootless: paths.rootless });
  try {
    mkdirSync(dirname(place.link), { recursive: true });
    const scratch = `${place.file}.new`;
    writeFileSync(scratch, text, { mode: 0o644 });
    renameSync(scratch, place.file);
    rmSync(place.link, { force: true });
    symlinkSync(place.file, place.link);
  } catch (error) {
    throw new HoyError(`cannot install ${place.file}: ${failureOf(error)}`, { cause: error });
  }
  return place.file;
}

/** Takes both away. Returns the unit's path. Throws HoyError where there is none. */
export function removeUnit(): string {
  const { file, link } = placeOf(storePaths());
  if (!existsSync(file) && !isLink(link)) throw new HoyError(`there is no ${file}`, { status: 404 });
  try {
    rmSync(link, { force: true });
    rmSync(file, { force: true });
  } catch (error) {
    throw new HoyError(`cannot remove ${file}: ${failureOf(error)}`, { cause: error });
  }
  return file;
}

function isLink(path: string): boolean {
  try {
    return readlinkSync(path) !== "";
  } catch {
    return false;
  }
}
