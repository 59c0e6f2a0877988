/** `-l`, `--label-file`, `--annotation`. */
import { invalid } from "./invalid.ts";

/** `key=value` or `key`, checked as Docker's client does. */
export function parseLabel(text: string): [key: string, value: string] {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key === "") throw invalid(`invalid label '${text}': empty name`);
  if (/\s/.test(key)) throw invalid(`label '${key}' contains whitespaces`);
  return [key, equals < 0 ? "" : text.slice(equals + 1)];
}

/** `--annotation`: `key=value` or `key`, whatever they hold. */
export function parseAnnotation(text: string): [key: string, value: string] {
  const equals = text.indexOf("=");
  if (equals === 0 || text === "") throw invalid(`invalid annotation '${text}': empty name`);
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}
