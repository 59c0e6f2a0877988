/** `volume create`. */

import { openStore } from "../../engine/store.ts";
import { createVolume } from "../../engine/volumes/create.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, list, text } from "../define.ts";
import { printLine } from "../output/write.ts";

/** `key=value`, or a key alone. */
function labelOf(word: string): [string, string] {
  const [key = ""] = word.split("=", 1);
  if (key === "") throw new HoyError(`invalid label '${word}': empty name`, { exitCode: 125 });
  return [key, word.slice(key.length + 1)];
}

const body: Body = ({ flags, args }) => {
  const labels = Object.fromEntries(list(flags, "label").map(labelOf));
  printLine(createVolume(openStore(), { name: args[0], driver: text(flags, "driver"), labels }));
  return 0;
};

export default body;
