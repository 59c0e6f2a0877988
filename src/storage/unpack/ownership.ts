/** Whether the ids in a layer can be given to its files: all of them as root, some in a user's namespace, none without ranges. */
import { readFileSync } from "node:fs";
import { EINVAL, SysError } from "../../../ffi/errno.ts";
import { HoyError } from "../../spec/error.ts";
import { hintForMoreIds } from "../../state/own-ids.ts";
import { shown, type TarEntry } from "../tar/entry.ts";

/** Number of user ids that this process' user namespace has. */
function mappedIds(): number {
  const map = readFileSync("/proc/self/uid_map", "latin1");
  return map
    .trim()
    .split("\n")
    .reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2]), 0);
}

/**
 * True when files can belong to others than this user. With a single id (no /etc/subuid range), or as an ordinary user outside
 * of a namespace, everything in a layer becomes the user's own, as there is no other way to unpack it.
 */
export const canChown = (): boolean => process.geteuid?.() === 0 && ids() > 1;

/** Device nodes belong to the host's own root. */
export const canMakeDevices = (): boolean => process.geteuid?.() === 0 && ids() === ALL_IDS;

const ALL_IDS = 4294967295;
let counted: number | undefined;

function ids(): number {
  counted ??= mappedIds();
  return counted;
}

/** Turns a refused chown into an error; an id outside of the namespace's ranges gives EINVAL. */
export function checkChown(result: number, entry: TarEntry): void {
  if (result === 0) return;
  if (result === -EINVAL)
    throw new HoyError(`layer entry ${shown(entry.name)} belongs to ${entry.uid}:${entry.gid}, which is outside of your id ranges`, {
      hint: hintForMoreIds(),
    });
  throw new SysError(`change the owner of ${shown(entry.name)}`, -result);
}
