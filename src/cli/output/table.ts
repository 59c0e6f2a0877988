/** Go's text/tabwriter, as Docker's lists use it: `NewWriter(out, 10, 1, 3, ' ', 0)`. */

const MIN_WIDTH = 10;
const PADDING = 3;

/**
 * Aligns cells that end with a tab. A column reaches over the lines that follow each other and have it; it is as wide as its widest
 * cell and three spaces, at least ten, or `minWidth`. What stands after a line's last tab is in no column. Lines end with a line feed.
 */
export function alignColumns(text: string, minWidth = MIN_WIDTH): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths = lines.map((): number[] => []);
  for (let top = 0; top < lines.length; top++)
    for (let column = widths[top]?.length ?? 0; column < cellsOf(lines[top]); column++) {
      let end = top;
      let width = 0;
      while (column < cellsOf(lines[end])) width = Math.max(width, [...(lines[end++]?.[column] ?? "")].length);
      for (let line = top; line < end; line++) (widths[line] as number[])[column] = Math.max(width + PADDING, minWidth);
    }
  return lines.map((cells, line) => cells.map((cell, column) => padded(cell, widths[line]?.[column])).join("")).join("\n");
}

/** Cells of a line that are in a column. */
const cellsOf = (line: readonly string[] | undefined): number => (line?.length ?? 1) - 1;

const padded = (cell: string, width: number | undefined): string =>
  width === undefined ? cell : cell + " ".repeat(width - [...cell].length);
