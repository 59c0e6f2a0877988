/** `-e` and `--env-file`: environment variables, with Docker's file format (docker/cli pkg/kvfile). */
import { readFileSync } from "../../../../ffi/fs.ts";
import { reasonOf } from "../../../spec/error.ts";
import { invalid } from "./invalid.ts";

/** Looks a variable of the caller up. */
export type Lookup = (name: string) => string | undefined;

/** `KEY=value` as it is; a bare `KEY` takes the caller's value, and stays bare (which unsets the image's) where there is none. */
export function parseEnv(text: string, lookup: Lookup): string {
  if (text === "" || text.startsWith("=")) throw invalid(`invalid environment variable: ${text}`);
  if (text.includes("=")) return text;
  const value = lookup(text);
  return value === undefined ? text : `${text}=${value}`;
}

/** The variables of an env file's content. Lines: `KEY=value` verbatim, `KEY` from the caller (left out when unset), `#` comments. */
export function parseEnvFile(name: string, content: Uint8Array, lookup: Lookup): string[] {
  const entries: string[] = [];
  for (const { key, value } of keyValueLines(name, content)) {
    const known = value ?? lookup(key);
    if (known !== undefined) entries.push(`${key}=${known}`);
  }
  return entries;
}

/** The labels of a label file: the same format, a key without a value has the empty one. */
export const parseLabelFile = (name: string, content: Uint8Array): string[] =>
  [...keyValueLines(name, content)].map(({ key, value }) => `${key}=${value ?? ""}`);

function* keyValueLines(name: string, content: Uint8Array): Generator<{ key: string; value: string | undefined }> {
  const lines = decode(name, content).split("\n");
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/\r$/, "").replace(/^[ \t]+/, "");
    if (line === "" || line.startsWith("#")) continue;
    if (line.includes("\0")) throw invalid(`invalid env file (${name}): a NUL byte on line ${index + 1}`);
    const equals = line.indexOf("=");
    const key = equals < 0 ? line : line.slice(0, equals);
    if (key === "") throw invalid(`invalid env file (${name}): no variable name on line '${line}' (line ${index + 1})`);
    if (/[ \t]/.test(key)) throw invalid(`invalid env file (${name}): variable '${key}' contains whitespaces (line ${index + 1})`);
    yield { key, value: equals < 0 ? undefined : line.slice(equals + 1) };
  }
}

/** Text of a file; a byte order mark goes (TextDecoder drops it), bytes that are no UTF-8 are an error that names their line. */
function decode(name: string, content: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    let number = 1;
    for (let start = 0; ; number++) {
      const end = content.indexOf(10, start);
      const line = content.subarray(start, end < 0 ? content.length : end);
      if (!isUtf8(line)) throw invalid(`invalid env file (${name}): invalid utf8 bytes at line ${number}: [${line.join(" ")}]`);
      if (end < 0) throw invalid(`invalid env file (${name}): invalid utf8 bytes`);
      start = end + 1;
    }
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Reads a file that the user named; errors are in Docker's words: `open x: no such file or directory`. */
export function readUserFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid(`open ${path}: ${reasonOf(error)}`);
  }
}
