/** What all `inspect` commands print: a JSON list of what was found, or a template's text for each; what is missing goes to stderr. */
import type { Fields } from "../../engine/inspect-fields.ts";
import { HoyError } from "../../spec/error.ts";
import { typed } from "./template/typed.ts";
import { compileTemplate } from "./template.ts";
import { printLine, tellLine } from "./write.ts";

export interface InspectRequest {
  names: readonly string[];
  /** `--format`; `json` prints one line a document. */
  format: string | undefined;
  /** The object, or a HoyError (404 where there is none). */
  find: (name: string) => Inspected | Promise<Inspected>;
}

export interface Inspected {
  document: unknown;
  /** What templates are to know of its type. */
  fields: Fields;
}

/** Prints everything that was found; the exit code is 1 when something was not. */
export async function inspectAll({ names, format, find }: InspectRequest): Promise<number> {
  const template = format === undefined || format === "" || format === "json" ? undefined : compileTemplate(format);
  const found: Inspected[] = [];
  const errors: HoyError[] = [];
  for (const name of names) {
    try {
      found.push(await find(name));
    } catch (error) {
      if (!(error instanceof HoyError)) throw error;
      errors.push(error);
    }
  }
  if (template) for (const { document, fields } of found) printLine(template(typed(document, fields)));
  else if (format === "json") for (const { document } of found) printLine(JSON.stringify(document));
  else
    printLine(
      JSON.stringify(
        found.map(({ document }) => document),
        null,
        4,
      ),
    );
  for (const { message } of errors) tellLine(`Error: ${message}`);
  return errors.length > 0 ? 1 : 0;
}
