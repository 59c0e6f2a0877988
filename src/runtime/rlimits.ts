/** Resource limits (getrlimit(2)): their names, numbers and what `--ulimit` takes. */
import { HoyError } from "../spec/error.ts";
import type { Rlimit } from "../spec/runtime.ts";

/** Numbers of RLIMIT_*, the same on x86-64 and arm64, by Docker's names. */
const NUMBERS: Record<string, number> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

const RLIM_INFINITY = 0xffffffffffffffffn;

/** Number for prlimit(2) of `RLIMIT_NOFILE`. Throws a HoyError `process.rlimits: unknown type X`. */
export function rlimitNumber(type: string): number {
  const number = type.startsWith("RLIMIT_") ? NUMBERS[type.slice(7).toLowerCase()] : undefined;
  if (number === undefined || type !== type.toUpperCase()) throw new HoyError(`process.rlimits: unknown type ${type}`, { status: 400 });
  return number;
}

/** A limit of a spec as the kernel takes it; -1, and what a double made of RLIM_INFINITY, are RLIM_INFINITY. */
export function rlimitValue(value: number | bigint): bigint {
  if (value < 0) return RLIM_INFINITY;
  return value >= 2 ** 64 ? RLIM_INFINITY : BigInt(value);
}

/** Docker's Ulimit: the name without RLIMIT_, -1 for no limit. */
export interface Ulimit {
  Name: string;
  Hard: number;
  Soft: number;
}

function parseValue(text: string): number {
  if (text === "infinity") return -1;
  if (!/^[+-]?\d+$/.test(text)) throw new HoyError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`, { status: 400 });
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new HoyError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`, { hint: "-1 means no limit", status: 400 });
  }
  return value;
}

/**
 * `nofile=1024:2048` (soft:hard), `nofile=1024` for both, `core=-1` or `core=infinity` for no limit.
 * Throws HoyErrors in Docker's words.
 */
export function parseUlimit(text: string): Ulimit {
  const at = text.indexOf("=");
  if (at < 0) throw new HoyError(`invalid ulimit argument: ${text}`, { hint: "write name=soft[:hard], as nofile=1024:2048", status: 400 });
  const name = text.slice(0, at);
  const values = text.slice(at + 1);
  // Docker refuses `as`: its limit would strike while the container is being set up.
  if (!Object.hasOwn(NUMBERS, name) || name === "as") throw new HoyError(`invalid ulimit type: ${name}`, { status: 400 });
  const parts = values.split(":");
  if (parts.length > 2) {
    throw new HoyError(`too many limit value arguments - ${values}, can only have up to two, \`soft[:hard]\``, { status: 400 });
  }
  const hardText = parts[1];
  const hardGiven = hardText === undefined ? undefined : parseValue(hardText);
  const soft = parseValue(parts[0] ?? "");
  const hard = hardGiven ?? soft;
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    const shown = soft === -1 ? `soft: -1 (unlimited), hard: ${hard}` : `${soft} > ${hard}`;
    throw new HoyError(`ulimit soft limit must be less than or equal to hard limit: ${shown}`, { status: 400 });
  }
  return { Name: name, Hard: hard, Soft: soft };
}

/** The spec's form of a Ulimit. Plain numbers where they fit, so that the document stays readable by JSON.parse. */
export function ulimitToRlimit(limit: Ulimit): Rlimit {
  const value = (number: number): number | bigint => (number < 0 ? RLIM_INFINITY : number);
  return { type: `RLIMIT_${limit.Name.toUpperCase()}`, hard: value(limit.Hard), soft: value(limit.Soft) };
}
