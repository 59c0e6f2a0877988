/** The WWW-Authenticate header (RFC 9110, 11.6.1): what a registry wants to see before it answers. */

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case: realm, service, scope, error. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A word, and if `=` follows it is a parameter with its value, quoted (which may hold commas) or not. */
const ITEM = /([A-Za-z0-9!#$%&'*+.^_`|~/-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;

/** All challenges of a header, or of several joined by commas. What is not well formed is skipped. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const [, name = "", quoted, plain] of header.matchAll(ITEM)) {
    const value = quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1");
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return challenges;
}
