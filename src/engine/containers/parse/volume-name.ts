/** The grammar of volume names (moby daemon/names, RestrictedNamePattern). */
import { invalid } from "./invalid.ts";

export const NAME_CHARACTERS = "[a-zA-Z0-9][a-zA-Z0-9_.-]";
const NAME = new RegExp(`^${NAME_CHARACTERS}+$`);

export const isRestrictedName = (name: string): boolean => NAME.test(name);

export function checkVolumeName(name: string): void {
  if (name.length === 1) throw invalid("volume name is too short, names should be at least two alphanumeric characters");
  if (!isRestrictedName(name))
    throw invalid(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "${NAME_CHARACTERS}" are allowed. ` +
        "If you intended to pass a host directory, use absolute path",
    );
  if (name.length > 255) throw invalid(`create ${name.slice(0, 32)}…: the volume name is longer than 255 characters`);
}
