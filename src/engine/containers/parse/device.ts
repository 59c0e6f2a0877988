/** `--device host[:container][:permissions]`. */
import type { DeviceMapping } from "../options.ts";
import { invalid } from "./invalid.ts";

const isMode = (text: string): boolean => /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;

export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const [host = "", second] = parts;
  let permissions = "rwm";
  let inside = host;
  if (text === "" || text === ":" || parts.length > 3) throw invalid(`bad format for path: ${text}`);
  if (parts.length === 3) {
    if (!isMode(parts[2] as string)) throw invalid(`bad mode specified: ${parts[2]}`);
    permissions = parts[2] as string;
    inside = second as string;
  } else if (second !== undefined) {
    if (isMode(second)) permissions = second;
    else inside = second;
  }
  if (!host.startsWith("/")) throw invalid(`${host} is not an absolute path`);
  if (!inside.startsWith("/")) throw invalid(`${inside} is not an absolute path`);
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: permissions };
}
