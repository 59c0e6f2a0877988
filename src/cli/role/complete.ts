/** `__complete -- WORDS…`: what may stand for the last word; asked by the shells' completion scripts. */
import { complete } from "../complete.ts";
import { printLine } from "../output/write.ts";

export default async (words: readonly string[]): Promise<number> => {
  // a store that is broken: its error would land in the middle of a line that is being written
  const lines = await complete(words[0] === "--" ? words.slice(1) : words).catch(() => []);
  if (lines.length > 0) printLine(lines.join("\n"));
  return 0;
};
