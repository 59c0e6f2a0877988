/** HEALTHCHECK as the image's configuration has it (BuildKit frontend/dockerfile/instructions, parseHealthcheck). Pure. */
import { parseDuration } from "../../containers/logs/time.ts";
import { invalid } from "../../containers/parse/invalid.ts";
import { jsonWords } from "./words.ts";

const DURATIONS: Readonly<Record<string, string>> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
};
const NANOSECONDS = 1e6;

/** `NONE`, or flags and `CMD` with a list or a line for the shell. Durations in nanoseconds. Throws HoyError. */
export function healthcheck(text: string, shell: readonly string[] | undefined): Record<string, unknown> {
  const check: Record<string, unknown> = {};
  let rest = text;
  for (let flag = takeFlag(rest); flag; flag = takeFlag(rest)) {
    const { name, value } = flag;
    rest = flag.rest;
    if (name === "retries") {
      if (!/^\d+$/.test(value)) throw invalid(`invalid value for --retries: ${JSON.stringify(value)} is no number`);
      check.Retries = Number(value);
    } else if (name in DURATIONS) check[DURATIONS[name] as string] = duration(name, value);
    else throw invalid(`unknown flag: --${name}`);
  }
  const [kind = ""] = rest.split(/\s/, 1);
  const command = rest.slice(kind.length).trim();
  if (kind === "") throw invalid("HEALTHCHECK requires at least one argument");
  if (kind.toUpperCase() === "NONE") {
    if (command !== "") throw invalid("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (kind.toUpperCase() !== "CMD") throw invalid(`Unknown type ${JSON.stringify(kind.toUpperCase())} in HEALTHCHECK (try CMD)`);
  if (command === "") throw invalid("Missing command after HEALTHCHECK CMD");
  const words = jsonWords(command);
  if (words) return { Test: ["CMD", ...words], ...check };
  return { Test: shell?.length ? ["CMD", ...shell, command] : ["CMD-SHELL", command], ...check };
}

function takeFlag(text: string): { name: string; value: string; rest: string } | undefined {
  const [whole, name = "", value = ""] = /^--([a-z-]+)=(\S*)\s*/.exec(text) ?? [];
  return whole === undefined ? undefined : { name, value, rest: text.slice(whole.length) };
}

function duration(name: string, text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < 0 || (milliseconds > 0 && milliseconds < 1)) throw invalid(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return milliseconds * NANOSECONDS;
}
