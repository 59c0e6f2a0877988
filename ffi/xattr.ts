/** Extended attributes, by descriptor (opened for reading or writing) or by path, where a final link is not followed. */
import { check, ENODATA, EOPNOTSUPP } from "./errno.ts";
import { cstr, sys } from "./libc.ts";
import { decodeName } from "./names.ts";
import { NR } from "./syscalls.ts";

const ERANGE = 34;

/** Sets an attribute. Returns 0 or the negated errno. */
export const setXattr = (target: number | string, name: string, value: Uint8Array): number =>
  typeof target === "number"
    ? sys(NR.fsetxattr, target, cstr(name), value as NodeJS.TypedArray, value.length, 0)
    : sys(NR.lsetxattr, cstr(target), cstr(name), value as NodeJS.TypedArray, value.length, 0);

/** Calls `read` with growing room until the answer fits; undefined when there is no such attribute, or no attributes at all. */
function readGrowing(read: (room: Buffer) => number, step: string): Buffer | undefined {
  for (let size = 256; ; size = 65536) {
    const room = Buffer.alloc(size);
    const length = read(room);
    if (length === -ENODATA || length === -EOPNOTSUPP) return undefined;
    if (length === -ERANGE && size < 65536) continue;
    return room.subarray(0, check(length, step));
  }
}

/** Value of an attribute, undefined when it is not set. Throws SysError. */
export const getXattr = (target: number | string, name: string): Buffer | undefined =>
  readGrowing(
    (room) =>
      typeof target === "number"
        ? sys(NR.fgetxattr, target, cstr(name), room, room.length)
        : sys(NR.lgetxattr, cstr(target), cstr(name), room, room.length),
    `read attribute ${name}`,
  );

/** Names of all attributes. Throws SysError. */
export function listXattrs(target: number | string): string[] {
  const list = readGrowing(
    (room) =>
      typeof target === "number" ? sys(NR.flistxattr, target, room, room.length) : sys(NR.llistxattr, cstr(target), room, room.length),
    "list attributes",
  );
  return list && list.length > 0 ? decodeName(list, 0, list.length - 1).split("\0") : [];
}
