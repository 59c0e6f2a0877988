/** Checks a document against its schema; the error names the member that is wrong, as `linux.resources.memory.limit`. */
import * as v from "valibot";
import { HoyError } from "./error.ts";

type Issue = v.BaseIssue<unknown>;

/** `a.b[2].c`; "" for the document itself. */
function pathOf(issue: Issue): string {
  let path = "";
  for (const { key } of issue.path ?? []) {
    if (typeof key === "number") path += `[${key}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(String(key))) path += path ? `.${key}` : `${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}

/** Of a union, the issue that got deepest says most. */
function deepest(issue: Issue): Issue {
  let best = issue;
  for (const inner of issue.issues ?? []) {
    const found = deepest(inner);
    if ((found.path?.length ?? 0) > (best.path?.length ?? 0)) best = found;
  }
  return best;
}

const WORDS: Record<string, string> = { Object: "an object", Array: "an array", undefined: "nothing" };
const words = (name: string): string => WORDS[name] ?? name;

function complaint(issue: Issue): string {
  const { type, kind, message } = issue;
  if (kind === "validation" && (type === "check" || type === "regex" || type === "raw_check")) return message;
  if (type === "non_empty" || type === "min_length") return "must not be empty";
  // An object's own complaint about a member is that it is not there.
  if (/^(loose_|strict_)?object$/.test(type) && issue.received === "undefined" && issue.expected?.startsWith('"')) return "is missing";
  if (issue.expected === "never") return "is not known";
  return `expected ${type === "integer" ? "an integer" : words(issue.expected ?? "another value")}, got ${words(issue.received)}`;
}

/**
 * The document with the schema's types, unknown members dropped or kept as the schema says.
 * `what` names the document in the error: `config.json: process.args[0]: expected string, got 1`.
 */
export function validate<S extends v.GenericSchema>(schema: S, value: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = deepest(result.issues[0]);
  const path = pathOf(issue);
  throw new HoyError(`${what}: ${path ? `${path}: ` : ""}${complaint(issue)}`, { status: 400 });
}
