/** `save`. */
import { saveArchive, saveToFile } from "../../engine/images/archive.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text } from "../define.ts";
import { writeStream } from "../output/write.ts";

const body: Body = async ({ flags, args }) => {
  const path = text(flags, "output");
  if (path === undefined && isTerminal(1))
    throw new HoyError("cowardly refusing to save to a terminal", { exitCode: 1, hint: "use the -o flag or redirect" });
  const store = openStore();
  if (path === undefined) for await (const bytes of saveArchive(store, args)) writeStream(1, bytes);
  else await saveToFile(store, args, path);
  return 0;
};

export default body;
