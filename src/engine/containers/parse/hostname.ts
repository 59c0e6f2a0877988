/** `-h`. */
import { invalid } from "./invalid.ts";

const LABEL = /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/;

/** sethostname(2) takes 64 bytes; Docker refuses what is no host name (RFC 1123, with the underscore it tolerates). */
export function parseHostname(text: string): string {
  if (text === "") return text;
  if (text.length > 64 || !text.split(".").every((label) => LABEL.test(label)))
    throw invalid(`invalid hostname: ${JSON.stringify(text)}`, "letters, digits, '-' and '.', 64 characters at most");
  return text;
}
