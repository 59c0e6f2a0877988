/** What the commands `prune` print, as Docker's do. */
import type { ImageRemoval } from "../../engine/images/remove.ts";
import { humanSize } from "./units.ts";
import { printLine } from "./write.ts";

/** A block for each list that has something, then the sum in bytes. */
export function printPruned(lists: readonly (readonly [title: string, lines: readonly string[]])[], bytes: number): void {
  for (const [title, lines] of lists) if (lines.length > 0) printLine(`${title}:\n${lines.join("\n")}\n`);
  printLine(`Total reclaimed space: ${humanSize(bytes)}`);
}

export const removalLine = (removal: ImageRemoval): string =>
  "untagged" in removal ? `untagged: ${removal.untagged}` : `deleted: ${removal.deleted}`;
