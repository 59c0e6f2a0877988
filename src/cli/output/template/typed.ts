/** A document as templates see it: with the zero values of the fields that its JSON leaves out. */
import type { Fields, ZeroKind } from "../../../engine/inspect-fields.ts";
import { NIL_MAP, NIL_POINTER, type Value } from "./value.ts";

const ZERO: Readonly<Record<ZeroKind, Value>> = {
  pointer: NIL_POINTER,
  slice: null,
  map: NIL_MAP,
  string: "",
  number: 0,
  boolean: false,
};

/** A copy with all fields. What the JSON does not show is there for templates by its name, and stays out of `{{json .}}`. */
export function typed(document: Value, fields: Fields): Value {
  if (typeof document !== "object" || document === null) return document;
  const source = document as Record<string, Value>;
  const { "*": each, ...named } = fields;
  if (each !== undefined) return Object.fromEntries(Object.entries(source).map(([key, value]) => [key, typed(value, each as Fields)]));
  const copy = { ...source };
  for (const [name, field] of Object.entries(named)) {
    const shown = Object.hasOwn(source, name);
    Object.defineProperty(copy, name, { value: member(source, name, field), enumerable: shown, configurable: true, writable: true });
  }
  return copy;
}

const isList = (field: Fields[string]): field is readonly [Fields] => Array.isArray(field);

function member(source: Record<string, Value>, name: string, field: Fields[string]): Value {
  const value = source[name];
  if (isList(field)) return Array.isArray(value) ? value.map((entry) => typed(entry, field[0])) : null;
  if (typeof field === "object") return value === undefined || value === null ? NIL_POINTER : typed(value, field);
  if (field.startsWith("=")) return source[field.slice(1)];
  return value ?? ZERO[field as ZeroKind];
}
