/** `--userns`: Docker's "" and `host`, podman's `auto` and `keep-id` with their options (podman-run(1), --userns). */
import type { IDMapping } from "../../../spec/runtime.ts";
import { invalid } from "./invalid.ts";

/** Ids that nobody else has, given out by the store. */
interface AutoNamespace {
  kind: "auto";
  /** Absent: as many as the image and the user need. */
  size?: number;
  /** Host ids that the user chose; the rest is given out around them. */
  uidMappings: IDMapping[];
  gidMappings: IDMapping[];
}

/** The caller's ids are the same inside, or those that are named. */
interface KeepId {
  kind: "keep-id";
  uid?: number;
  gid?: number;
}

export type UserNamespace = AutoNamespace | KeepId;

const MAX_ID = 2 ** 32 - 2;

const fail = (why: string): Error => invalid(`--userns: ${why}`);

function idNumber(option: string, text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > MAX_ID) throw fail(`invalid ${option} ${JSON.stringify(text)}: it is a number from 0 on`);
  return Number(text);
}

function mapping(option: string, text: string): IDMapping {
  const [containerID, hostID, size, ...rest] = text.split(":").map((word) => idNumber(option, word));
  if (containerID === undefined || hostID === undefined || size === undefined || size === 0 || rest.length > 0)
    throw fail(`invalid ${option} ${JSON.stringify(text)}: it is CONTAINER_ID:HOST_ID:SIZE`);
  return { containerID, hostID, size };
}

const pairs = (text: string): [string, string][] =>
  text.split(",").map((word) => {
    const equals = word.indexOf("=");
    if (equals < 1) throw fail(`invalid option ${JSON.stringify(word)}: it is NAME=VALUE`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });

function auto(options: [string, string][]): AutoNamespace {
  const namespace: AutoNamespace = { kind: "auto", uidMappings: [], gidMappings: [] };
  for (const [name, value] of options) {
    if (name === "size") namespace.size = idNumber(name, value);
    else if (name === "uidmapping") namespace.uidMappings.push(mapping(name, value));
    else if (name === "gidmapping") namespace.gidMappings.push(mapping(name, value));
    else throw fail(`unknown option ${JSON.stringify(name)} of auto: there are size, uidmapping and gidmapping`);
  }
  return namespace;
}

function keepId(options: [string, string][]): KeepId {
  const namespace: KeepId = { kind: "keep-id" };
  for (const [name, value] of options) {
    if (name !== "uid" && name !== "gid") throw fail(`unknown option ${JSON.stringify(name)} of keep-id: there are uid and gid`);
    namespace[name] = idNumber(name, value);
  }
  return namespace;
}

/** What a mode asks for; undefined for the namespace that hoy is in. Throws HoyError. */
export function userNamespace(mode: string): UserNamespace | undefined {
  if (mode === "" || mode === "host") return undefined;
  const colon = mode.indexOf(":");
  const kind = colon < 0 ? mode : mode.slice(0, colon);
  const options = colon < 0 ? [] : pairs(mode.slice(colon + 1));
  if (kind === "auto") return auto(options);
  if (kind === "keep-id") return keepId(options);
  throw fail("invalid USER mode");
}

/** The mode as it was written. Throws HoyError when it is none. */
export function parseUsernsMode(text: string): string {
  userNamespace(text);
  return text;
}
