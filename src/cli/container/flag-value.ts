/** Values of flags, with errors that name the flag and what was written, as Docker's client has them. */
import { invalid } from "../../engine/containers/parse/invalid.ts";

export function value<T>(flag: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw invalid(`invalid argument ${JSON.stringify(text)} for "${flag}" flag: ${(error as Error).message}`);
  }
}

export const values = <T>(flag: string, texts: readonly string[] | undefined, parse: (text: string) => T): T[] =>
  (texts ?? []).map((text) => value(flag, text, parse));

export const optional = <T>(flag: string, text: string | undefined, parse: (text: string) => T, absent: T): T =>
  text === undefined ? absent : value(flag, text, parse);

/** null for an empty list: Docker's way to say "not given". */
export const listOrNull = <T>(list: readonly T[]): T[] | null => (list.length > 0 ? [...list] : null);
