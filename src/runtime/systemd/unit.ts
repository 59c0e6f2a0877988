/** Names of systemd's units and the cgroups that belong to them (systemd.slice(5), systemd.scope(5)). */
import { HoyError } from "../../spec/error.ts";

/** Whether systemd takes it for the name of a slice. */
export const isSlice = (name: string): boolean => /^(-|[\w:.\\]+(-[\w:.\\]+)*)\.slice$/.test(name);

/** The cgroup of a slice, inside the manager's own: `a-b.slice` lies in `/a.slice/a-b.slice`, and `-.slice` is "". Throws HoyError. */
export function slicePath(slice: string): string {
  if (!isSlice(slice))
    throw new HoyError(`"${slice}" is not the name of a slice of systemd`, {
      status: 400,
      hint: 'it ends in ".slice"; dashes stand for slices above it',
    });
  const name = slice.slice(0, -".slice".length);
  if (name === "-") return "";
  const parts = name.split("-");
  return parts.map((_, at) => `/${parts.slice(0, at + 1).join("-")}.slice`).join("");
}

export interface Unit {
  slice: string;
  /** `prefix-name.scope` */
  scope: string;
}

/** Where containers go when nobody says where: as runc and Docker have it. */
export const defaultSlice = (user: boolean): string => (user ? "user.slice" : "system.slice");

/**
 * `linux.cgroupsPath` for systemd: `slice:prefix:name`, each of which may be empty; without a path the container's id is the name.
 * Throws HoyError for anything else.
 */
export function parseUnit(path: string | undefined, id: string, user: boolean): Unit {
  if (path === undefined || path === "") return { slice: defaultSlice(user), scope: scopeName("hoy", id) };
  const parts = path.split(":");
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3)
    throw new HoyError(`expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${path}" instead`);
  if (name.endsWith(".slice")) throw new HoyError(`linux.cgroupsPath: ${path} makes the container itself a slice: only scopes can be made`);
  return { slice: slice || defaultSlice(user), scope: scopeName(prefix, name || id) };
}

/** Throws HoyError for what systemd takes for no name of a unit (systemd.unit(5)). */
function scopeName(prefix: string, name: string): string {
  const scope = `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  if (!/^[\w:.\\-]{1,255}$/.test(scope)) throw new HoyError(`"${scope}" is not the name of a unit of systemd`);
  return scope;
}
