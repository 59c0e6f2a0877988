/** `--platform os[/architecture[/variant]]`, `--pull`. */
import { invalid } from "./invalid.ts";

const NAME = /^[A-Za-z0-9_.-]+$/;

export type PullPolicy = "always" | "missing" | "never";

export function parsePullPolicy(text: string): PullPolicy {
  if (text === "" || text === "missing") return "missing";
  if (text === "always" || text === "never") return text;
  throw invalid(`invalid pull option: '${text}': must be one of "always", "missing" or "never"`);
}

/** Checks the form only; which platforms an image has, its index tells. */
export function parsePlatform(text: string): string {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => NAME.test(part)))
    throw invalid(`error parsing specified platform: ${JSON.stringify(text)}: must be os[/architecture[/variant]]`);
  return text;
}
