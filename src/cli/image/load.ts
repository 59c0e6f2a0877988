/** `load`. */
import { loadArchive } from "../../engine/images/archive.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text, truth } from "../define.ts";
import { printLine } from "../output/write.ts";
import { pullProgress } from "./progress.ts";

const body: Body = async ({ flags }) => {
  const path = text(flags, "input");
  if (path === undefined && isTerminal(0))
    throw new HoyError("requested load from stdin, but stdin is empty", { exitCode: 1, hint: "give the archive with -i" });
  // bars are for people; the lines at the end are for all
  const show = isTerminal(1) && !truth(flags, "quiet") ? pullProgress("tty", 1) : undefined;
  const loaded = await loadArchive(openStore(), path, {
    ...(show && { onProgress: (digest, phase, current, total) => show({ type: "layer", digest, phase, current, total }) }),
  });
  for (const { name, isId } of loaded) printLine(`Loaded image${isId ? " ID" : ""}: ${name}`);
  return 0;
};

export default body;
