/** Signals by name and number on Linux (signal(7)); the numbers of x86-64 and arm64 are the same. */
import { HoyError } from "../spec/error.ts";

const NAMES = [
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "TRAP",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "USR2",
  "PIPE",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "STOP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "WINCH",
  "IO",
  "PWR",
  "SYS",
];

/** Second names. */
const ALIASES: Record<string, number> = { CLD: 17, IOT: 6, POLL: 29, UNUSED: 31 };

/** libc keeps 32 and 33 for itself. */
const RTMIN = 34;
const RTMAX = 64;

/** RTMIN+0 to +15 and RTMAX-14 to -0, as Docker and bash name them. */
function realTime(name: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (!match) return undefined;
  const [, base, sign, digits = "0"] = match;
  const offset = Number(digits);
  if (base === "MIN") return sign === "-" || offset > 15 ? undefined : RTMIN + offset;
  return sign === "+" || offset > 14 ? undefined : RTMAX - offset;
}

/**
 * The number of `SIGTERM`, `term`, `15` or `RTMIN+3`.
 * Throws a HoyError `invalid signal: X` for anything else, 0 and numbers above 64 included.
 */
export function parseSignal(text: string): number {
  const invalid = (): HoyError => new HoyError(`invalid signal: ${text}`, { status: 400 });
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > RTMAX) throw invalid();
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const index = NAMES.indexOf(name);
  const number = index >= 0 ? index + 1 : (ALIASES[name] ?? realTime(name));
  if (number === undefined) throw invalid();
  return number;
}

/** `SIGTERM` for 15, `SIGRTMIN+3` for 37; undefined for what is no signal. */
export function signalName(number: number): string | undefined {
  const name = NAMES[number - 1];
  if (name) return `SIG${name}`;
  if (number < RTMIN || number > RTMAX || !Number.isInteger(number)) return undefined;
  const [base, offset] = number <= RTMIN + 15 ? ["RTMIN+", number - RTMIN] : ["RTMAX-", RTMAX - number];
  return offset === 0 ? `SIG${base.slice(0, -1)}` : `SIG${base}${offset}`;
}
