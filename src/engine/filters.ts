/** What the filters of all lists share (moby daemon/internal/filters). */
import { HoyError } from "../spec/error.ts";

/** `--filter name=value`, by name. */
export type Filters = ReadonlyMap<string, readonly string[]>;

const bad = (message: string): HoyError => new HoyError(message, { exitCode: 125, status: 400 });

/** Reads the words of `--filter`. Throws HoyError where one has no `=`. */
export function parseFilters(words: readonly string[]): Filters {
  const filters = new Map<string, string[]>();
  for (const word of words) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    if (equals < 0)
      throw bad(`invalid argument ${JSON.stringify(word)} for "-f, --filter" flag: bad format of filter (expected name=value)`);
    const name = word.slice(0, equals).trim().toLowerCase();
    filters.set(name, [...(filters.get(name) ?? []), word.slice(equals + 1).trim()]);
  }
  return filters;
}

/** Throws HoyError `invalid filter 'x'` for a name that the list does not know. */
export function checkFilterNames(filters: Filters, known: readonly string[]): void {
  for (const name of filters.keys())
    if (!known.includes(name))
      throw new HoyError(`invalid filter '${name}'`, { status: 400, hint: `filters here are ${known.join(", ")}` });
}

/** A value of a filter as Docker matches names with it: the same, or a regular expression that fits somewhere. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  try {
    return new RegExp(pattern).test(text);
  } catch {
    // what is no regular expression fits only itself
    return false;
  }
}

/** `key` or `key=value`. */
export function matchesLabel(wanted: string, labels: Readonly<Record<string, string>>): boolean {
  const equals = wanted.indexOf("=");
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === wanted.slice(equals + 1));
}

/** The value of a filter like `dangling=true`; undefined when it was not given. Throws HoyError for what is no boolean. */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const value = filters.get(name)?.at(-1)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new HoyError(`invalid filter '${name}=${value}'`, { status: 400 });
}

/** Of `prune`: all of `label`, and none of `label!`. */
export function passesLabels(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return (
    (filters.get("label") ?? []).every((wanted) => matchesLabel(wanted, labels)) &&
    !(filters.get("label!") ?? []).some((unwanted) => matchesLabel(unwanted, labels))
  );
}
