/** One record of comma-separated values (RFC 4180, as Go's encoding/csv reads it), the syntax of --mount. */
import { invalid } from "./invalid.ts";

export function parseCsv(text: string): string[] {
  if (text === "") throw invalid("EOF");
  const fields: string[] = [];
  for (let at = 0; ; ) {
    const field = text[at] === '"' ? quoted(text, at) : plain(text, at);
    fields.push(field.value);
    if (field.end >= text.length) return fields;
    at = field.end + 1;
  }
}

interface Field {
  value: string;
  /** Index of the comma behind it, or the text's length. */
  end: number;
}

function plain(text: string, start: number): Field {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const value = text.slice(start, end);
  const quote = value.indexOf('"');
  if (quote >= 0) throw invalid(`parse error on line 1, column ${start + quote + 1}: bare " in non-quoted-field`);
  return { value, end };
}

function quoted(text: string, start: number): Field {
  let value = "";
  for (let at = start + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw invalid(`parse error on line 1, column ${text.length + 1}: extraneous or missing " in quoted-field`);
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') {
      const end = quote + 1;
      if (end < text.length && text[end] !== ",")
        throw invalid(`parse error on line 1, column ${quote + 1}: extraneous or missing " in quoted-field`);
      return { value, end };
    }
    value += '"';
    at = quote + 2;
  }
}
