/** The new mount API (fsopen(2), fsconfig(2), fsmount(2)): mounts that are in no mount table and end with their descriptor. */
import { check } from "./errno.ts";
import { Fd } from "./fd.ts";
import { cstr, sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

/** Longest value that fsconfig(2) takes as a string. */
export const LONGEST_OPTION = 255;

/**
 * A detached mount of a new file system. Options with null are flags; the order is kept (overlay's lowerdir+).
 * Throws SysError with the step that failed: `overlay: lowerdir+ PATH`.
 */
export function newMount(type: string, options: readonly (readonly [key: string, value: string | null])[], attributes = 0): Fd {
  using context = new Fd(check(sys(NR.fsopen, cstr(type), FSOPEN_CLOEXEC), `mount ${type}`));
  for (const [key, value] of options) {
    const step = `mount ${type} (${key}${value === null ? "" : `=${value}`})`;
    if (value === null) check(sys(NR.fsconfig, context.number, FSCONFIG_SET_FLAG, cstr(key), 0, 0), step);
    else check(sys(NR.fsconfig, context.number, FSCONFIG_SET_STRING, cstr(key), cstr(value), 0), step);
  }
  check(sys(NR.fsconfig, context.number, FSCONFIG_CMD_CREATE, 0, 0, 0), `mount ${type}`);
  return new Fd(check(sys(NR.fsmount, context.number, FSMOUNT_CLOEXEC, attributes), `mount ${type}`));
}
