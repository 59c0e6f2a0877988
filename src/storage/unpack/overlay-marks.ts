/**
 * How overlayfs marks what hides the layers below (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque
 * directories"): a character device 0/0, an attribute on a folder. In a user's namespace the attributes are called user.overlay.*.
 */
import { makeDevice, mknodAt, S_IFCHR } from "../../../ffi/at.ts";
import { check, EEXIST, EPERM } from "../../../ffi/errno.ts";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, openAt } from "../../../ffi/fd.ts";
import { getXattr, setXattr } from "../../../ffi/xattr.ts";

export interface OverlayMarks {
  /** `trusted.overlay.` or `user.overlay.` */
  readonly prefix: string;
  /** Makes `base` in the folder `at` a whiteout. False when the name is taken. Throws SysError. */
  whiteout(at: number, base: string): boolean;
  /** Makes the folder `base` below `at` hide its namesakes. Throws SysError. */
  opaque(at: number, base: string): void;
}

const YES = Buffer.from("y");
/** "May hold whiteouts made by attributes" (Linux 6.7). */
const WHITEOUTS_INSIDE = Buffer.from("x");

/** A path to `base` in the open folder `at` for calls that take no descriptor of a folder. */
export const pathIn = (at: number, base: string): string => `/proc/self/fd/${at}/${base}`;

export function overlayMarks(rootless: boolean): OverlayMarks {
  const prefix = rootless ? "user.overlay." : "trusted.overlay.";

  function whiteout(at: number, base: string): boolean {
    const made = mknodAt(at, base, S_IFCHR, makeDevice(0, 0));
    if (made === -EEXIST) return false;
    if (made !== -EPERM) {
      check(made, `make whiteout ${base}`);
      return true;
    }
    const folder = pathIn(at, ".");
    // Nothing below shows through an opaque folder, and marks of the second kind work only in a folder that is not.
    if (getXattr(folder, `${prefix}opaque`)?.equals(YES)) return true;
    using file = openAt(at, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    check(setXattr(file.number, `${prefix}whiteout`, YES), `mark whiteout ${base}`);
    check(setXattr(folder, `${prefix}opaque`, WHITEOUTS_INSIDE), `mark folder of ${base}`);
    return true;
  }

  return {
    prefix,
    whiteout,
    opaque(at, base) {
      check(setXattr(pathIn(at, base), `${prefix}opaque`, YES), `mark opaque folder ${base}`);
    },
  };
}
