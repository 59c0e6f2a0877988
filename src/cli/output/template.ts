/** Docker's `--format`: Go's text/template (https://pkg.go.dev/text/template) with Docker's functions, read once and run per item. */
import { headingFunctions, templateFunctions } from "./template/functions.ts";
import { parseTemplate } from "./template/parse.ts";
import { runTemplate } from "./template/run.ts";

const NAMES: ReadonlySet<string> = new Set(Object.keys(templateFunctions));

/**
 * Reads a template; the function it returns gives the text for one item, without a line's end. Data is plain JSON: missing keys
 * of what looks like a struct (Go names) are errors, those of a map are `<no value>`. Both throw HoyError
 * `template parsing error: template: :1: …`.
 */
export function compileTemplate(text: string): (data: unknown) => string {
  const nodes = parseTemplate(text, NAMES);
  return (data) => runTemplate(text, nodes, data);
}

/** The same for a table's headings: functions that change a value leave a heading as it is, and what has no heading is no mistake. */
export function compileHeadings(text: string): (headings: ReadonlyMap<string, unknown>) => string {
  const nodes = parseTemplate(text, NAMES);
  return (headings) => runTemplate(text, nodes, headings, headingFunctions);
}
