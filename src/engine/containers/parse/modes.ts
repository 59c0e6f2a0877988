/** Whose namespaces: `--pid`, `--ipc`, `--uts`, `--cgroupns`, and `--isolation` (moby api/types/container/hostconfig.go). */
import type { HostConfig } from "../options.ts";
import { invalid } from "./invalid.ts";

const CONTAINER = "container:";

/** The container that a mode `container:X` names; undefined for every other mode. */
export const containerOf = (mode: string): string | undefined => (mode.startsWith(CONTAINER) ? mode.slice(CONTAINER.length) : undefined);

export const joinMode = (id: string): string => CONTAINER + id;

export function parsePidMode(text: string): string {
  if (text === "" || text === "host" || containerOf(text)) return text;
  throw invalid("--pid: invalid PID mode");
}

const IPC_MODES: ReadonlySet<string> = new Set(["", "none", "private", "shareable", "host"]);

export function parseIpcMode(text: string): string {
  if (IPC_MODES.has(text) || containerOf(text)) return text;
  throw invalid(`invalid IPC mode: ${text}`);
}

export function parseUtsMode(text: string): HostConfig["UTSMode"] {
  if (text === "" || text === "host") return text;
  throw invalid("--uts: invalid UTS mode");
}

/** Else it has the user namespace that hoy is in. */
export const hasOwnUsers = (usernsMode: string): boolean => usernsMode !== "" && usernsMode !== "host";

export function parseCgroupnsMode(text: string): HostConfig["CgroupnsMode"] {
  if (text === "" || text === "host" || text === "private") return text;
  throw invalid("--cgroupns: invalid CGROUP mode");
}

export function parseIsolation(text: string): string {
  if (text === "" || text.toLowerCase() === "default") return text;
  throw invalid(`invalid isolation: ${JSON.stringify(text)} - linux only supports 'default'`);
}
