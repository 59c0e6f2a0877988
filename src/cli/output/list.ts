/** How lists are printed (docker/cli cli/command/formatter): a table, a table of one's own, JSON lines, a template, or ids alone. */
import { alignColumns } from "./table.ts";
import { tellLine, writeStream } from "./write.ts";

export interface Field<T> {
  heading: string;
  /** Called only when the format asks for the field. */
  value: (item: T) => string;
}

/** A list's fields by Docker's names for templates. A name that is no field but takes an argument, `{{.Label "x"}}`, is a method. */
export interface ListKind<T> {
  fields: Readonly<Record<string, Field<T>>>;
  methods?: Readonly<Record<string, (item: T, argument: string) => string>>;
}

/** A field by its name; `empty` stands in its place where it is the empty text. */
export type Column = string | { field: string; empty: string };

const nameOf = (column: Column): string => (typeof column === "string" ? column : column.field);

export interface ListRequest<T> {
  items: Iterable<T>;
  kind: ListKind<T>;
  /** The table that is printed when no format is given. */
  table: readonly Column[];
  /** `--format`. */
  format: string | undefined;
  /** The field that -q prints alone, when it was given. */
  quiet?: string | undefined;
}

/** A row that shows one item after the other: making an object for each would cost more than the rest of the list. */
interface Row<T> {
  data: object;
  show: (item: T) => void;
}

/** Fields in alphabetical order: as JSON has them. */
function makeRow<T>({ fields, methods = {} }: ListKind<T>): Row<T> {
  const data = {};
  let current: T;
  for (const name of Object.keys(fields).sort()) {
    const { value } = fields[name] as Field<T>;
    Object.defineProperty(data, name, { enumerable: true, get: () => value(current) });
  }
  for (const [name, act] of Object.entries(methods))
    Object.defineProperty(data, name, { value: (argument: string) => act(current, argument) });
  return {
    data,
    show: (item) => {
      current = item;
    },
  };
}

type Heading = string | ((argument: string) => string);

/** `{{.Label "com.example.my-name"}}` is headed by `my name`. */
const labelHeading = (name: string): string => (name.split(".").at(-1) as string).replace(/[-_]/g, " ");

/** The text of a list. Throws HoyError for a template that cannot be read or evaluated. */
export async function formatList<T>({ items, kind, table, format = "", quiet }: ListRequest<T>): Promise<string> {
  // what most ask for takes no template
  if (quiet !== undefined) return fieldLines(items, kind, [quiet]);
  if (format === "" || format === "table") {
    const headings = table.map((column) => (kind.fields[nameOf(column)] as Field<T>).heading);
    return alignColumns(`${headings.join("\t")}\n${fieldLines(items, kind, table)}`);
  }
  const { compileHeadings, compileTemplate } = await import("./template.ts");
  const asked = format === "json" ? "{{json .}}" : format;
  const isTable = asked.startsWith("table");
  const source = (isTable ? asked.slice("table".length) : asked)
    .replace(/^ +| +$/g, "")
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
  const template = compileTemplate(source);
  let text = "";
  const row = makeRow(kind);
  for (const item of items) {
    row.show(item);
    text += `${template(row.data)}\n`;
  }
  if (!isTable) return text;
  const headings = new Map<string, Heading>(Object.entries(kind.fields).map(([name, { heading }]) => [name, heading]));
  if (kind.methods?.Label) headings.set("Label", labelHeading);
  return alignColumns(`${compileHeadings(source)(headings)}\n${text}`);
}

/** A line for each item: the fields, with tabs between them. */
function fieldLines<T>(items: Iterable<T>, { fields }: ListKind<T>, columns: readonly Column[]): string {
  let text = "";
  for (const item of items) {
    const cells = columns.map((column) => {
      const value = (fields[nameOf(column)] as Field<T>).value(item);
      return value === "" && typeof column !== "string" ? column.empty : value;
    });
    text += `${cells.join("\t")}\n`;
  }
  return text;
}

/** The items as objects of their fields, for templates over several lists at once. */
export const listObjects = <T>(items: readonly T[], { fields }: ListKind<T>): Record<string, string>[] =>
  items.map((item) => {
    const object: Record<string, string> = {};
    for (const name of Object.keys(fields).sort()) object[name] = (fields[name] as Field<T>).value(item);
    return object;
  });

/** Prints a list. */
export async function printList<T>(request: ListRequest<T>): Promise<void> {
  if (request.quiet !== undefined && request.format)
    tellLine("WARNING: Ignoring custom format, because both --format and --quiet are set.");
  writeStream(1, Buffer.from(await formatList(request)));
}
