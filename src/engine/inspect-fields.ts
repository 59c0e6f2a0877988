/**
 * What the JSON of an inspected object does not show of Docker's Go type, for templates (`inspect -f`): those see a struct, in which a
 * field that was left out has its zero value, and null is a nil pointer, slice or map.
 */

/** Kind of a field. A nil slice is what null is without any word. */
export type ZeroKind = "pointer" | "slice" | "map" | "string" | "number" | "boolean";

export interface Fields {
  /**
   * A field's kind, or what is to be known of the struct, the list of structs, or (as the member `*`) of each struct in a map;
   * `=Name` is the field's name in Go where JSON has another.
   */
  readonly [name: string]: ZeroKind | `=${string}` | Fields | readonly [Fields];
}
