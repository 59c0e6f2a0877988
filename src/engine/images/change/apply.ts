/** `--change` of commit and import: Dockerfile instructions on an image's configuration (moby builder/dockerfile, BuildFromConfig). Pure. */
import { posix } from "node:path";
import { invalid } from "../../containers/parse/invalid.ts";
import { parseStopSignal } from "../../containers/parse/stop-signal.ts";
import { healthcheck } from "./healthcheck.ts";
import { expand, jsonWords, readInstructions, splitWords } from "./words.ts";

/** The `config` of an image, as far as it can be changed. */
export interface ImageSettings {
  User?: string;
  ExposedPorts?: Record<string, Record<string, never>>;
  Env?: string[];
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Volumes?: Record<string, Record<string, never>>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  Healthcheck?: Record<string, unknown>;
  OnBuild?: string[];
  Shell?: string[];
}

interface Change {
  settings: ImageSettings;
  /** What follows the instruction's name, as written. */
  rest: string;
  /** The same in words, variables filled in. */
  words(): string[];
  /** One word, or all that was written as one. */
  only(): string;
  /** A CMD came before: an ENTRYPOINT leaves it. */
  commandSet: boolean;
}

/** The configuration with the changes. Throws HoyError in Docker's words. */
export function applyChanges(before: ImageSettings, changes: readonly string[]): ImageSettings {
  const settings = structuredClone(before);
  const instructions = readInstructions(changes);
  for (const { name } of instructions) if (!(name in APPLY)) throw invalid(`${name.toLowerCase()} is not a valid change command`);
  let commandSet = false;
  for (const { name, rest } of instructions) {
    const variables = new Map((settings.Env ?? []).map((entry) => [nameOf(entry), entry.slice(nameOf(entry).length + 1)]));
    const words = () => {
      const found = splitWords(rest).map((word) => expand(word, variables));
      if (found.length === 0) throw invalid(`${name} requires at least one argument`);
      return found;
    };
    const only = () => {
      if (rest === "") throw invalid(`${name} requires exactly one argument`);
      return expand(rest, variables);
    };
    (APPLY[name] as (change: Change) => void)({ settings, rest, words, only, commandSet });
    if (name === "CMD") commandSet = true;
  }
  return settings;
}

const nameOf = (entry: string): string => entry.split("=", 1)[0] as string;

const SHELL = ["/bin/sh", "-c"];

/** A list in JSON, or a line for the shell. */
function command({ settings, rest }: Change): string[] {
  return jsonWords(rest) ?? (rest === "" ? [] : [...(settings.Shell ?? SHELL), rest]);
}

const empty = (names: readonly string[]): Record<string, Record<string, never>> => Object.fromEntries(names.map((name) => [name, {}]));

const APPLY: Readonly<Record<string, (change: Change) => void>> = {
  CMD(change) {
    change.settings.Cmd = command(change);
  },
  ENTRYPOINT(change) {
    change.settings.Entrypoint = command(change);
    if (!change.commandSet) change.settings.Cmd = null;
  },
  ENV(change) {
    const { settings } = change;
    for (const [name, value] of pairs("ENV", change)) {
      const env = (settings.Env ?? []).filter((entry) => nameOf(entry) !== name);
      const at = (settings.Env ?? []).findIndex((entry) => nameOf(entry) === name);
      env.splice(at < 0 ? env.length : at, 0, `${name}=${value}`);
      settings.Env = env;
    }
  },
  LABEL(change) {
    change.settings.Labels = { ...change.settings.Labels, ...Object.fromEntries(pairs("LABEL", change)) };
  },
  EXPOSE({ settings, words }) {
    settings.ExposedPorts = { ...settings.ExposedPorts, ...empty(words().flatMap(ports)) };
  },
  USER({ settings, only }) {
    settings.User = only();
  },
  WORKDIR({ settings, only }) {
    settings.WorkingDir = posix.resolve("/", settings.WorkingDir ?? "", only());
  },
  STOPSIGNAL({ settings, only }) {
    settings.StopSignal = parseStopSignal(only());
  },
  VOLUME({ settings, rest, words }) {
    const targets = jsonWords(rest) ?? words();
    if (targets.length === 0) throw invalid("VOLUME requires at least one argument");
    if (targets.some((target) => target.trim() === "")) throw invalid("VOLUME specified can not be an empty string");
    settings.Volumes = { ...settings.Volumes, ...empty(targets.map((target) => target.trim())) };
  },
  ONBUILD({ settings, rest }) {
    if (rest === "") throw invalid("ONBUILD requires at least one argument");
    const trigger = rest.split(/\s/, 1)[0]?.toUpperCase() ?? "";
    if (trigger === "ONBUILD") throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === "FROM" || trigger === "MAINTAINER") throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
    settings.OnBuild = [...(settings.OnBuild ?? []), rest];
  },
  HEALTHCHECK({ settings, rest }) {
    settings.Healthcheck = healthcheck(rest, settings.Shell);
  },
};

/** `a=b "c"="d e"`, or `name the rest of the line`. */
function pairs(instruction: string, { rest, words }: Change): [name: string, value: string][] {
  const [first = ""] = splitWords(rest);
  const found = words();
  if (!first.includes("=")) {
    const value = rest.slice(first.length).trim();
    if (value === "") throw invalid(`${instruction} must have two arguments`);
    return [[found[0] as string, found.length === 2 ? (found[1] as string) : value]];
  }
  return found.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) throw invalid(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    if (equals === 0) throw invalid(`${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** `80`, `80/udp`, `8000-8010`: the keys of ExposedPorts (go-connections nat). */
function ports(text: string): string[] {
  const [, from = "", to = from, protocol = "tcp"] =
    /^(\d+)(?:-(\d+))?(?:\/([A-Za-z]+))?$/.exec(text.slice(text.lastIndexOf(":") + 1)) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === "" || first > last || last > 65535) throw invalid(`Invalid containerPort: ${text}`);
  if (!["tcp", "udp", "sctp"].includes(protocol.toLowerCase())) throw invalid(`Invalid proto: ${protocol}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
}
