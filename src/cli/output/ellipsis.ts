/** Shortening text for tables, as Docker does (docker/cli formatter/displayutils.go). */

/** Cut to so many characters, the last of them a `…` where something is missing. */
export function ellipsis(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

/** The first 12 digits of an id, with or without its algorithm. */
export const shortId = (id: string): string => id.slice(id.indexOf(":") + 1).slice(0, 12);
