/** What a case of the bench is. */
import type { Field } from "./engines.ts";
import type { Contender } from "./measure.ts";

/** A limit of DESIGN's budget table: hoy's median against that of others in the same run, or against a number. */
export type Budget =
  | { readonly ratio: number; readonly to: string }
  | { readonly ratio: number; readonly fasterOf: readonly string[] }
  | { readonly atMost: number };

export interface Case {
  readonly name: string;
  readonly unit: "ms" | "ms CPU" | "MB" | "s";
  readonly rounds: number;
  readonly budgets: readonly Budget[];
  /** Prepares and returns who takes part. The first is hoy. What is returned with `end` is called at the end. */
  readonly prepare: (field: Field) => Promise<{ contenders: Contender[]; end?: () => Promise<void> }>;
}
