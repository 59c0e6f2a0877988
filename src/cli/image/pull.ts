/** `pull`. */
import { fullName, pull, pullAllTags } from "../../engine/images/pull.ts";
import { openStore } from "../../engine/store.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text, truth } from "../define.ts";
import { printLine } from "../output/write.ts";
import { PROGRESS_MODES, type ProgressMode, pullProgress } from "./progress.ts";

function progressMode(chosen: string, quiet: boolean): ProgressMode {
  if (!PROGRESS_MODES.includes(chosen as ProgressMode))
    throw new HoyError(`invalid progress mode ${JSON.stringify(chosen)}`, { exitCode: 125, hint: `one of ${PROGRESS_MODES.join(", ")}` });
  return quiet ? "quiet" : (chosen as ProgressMode);
}

const body: Body = async ({ flags, args: [image = ""] }) => {
  const mode = progressMode(text(flags, "progress") ?? "auto", truth(flags, "quiet"));
  const options = { platform: text(flags, "platform"), onEvent: pullProgress(mode, 1) };
  const store = openStore();
  const all = truth(flags, "all-tags");
  const name = fullName(image, all);
  if (!all && mode !== "json" && mode !== "quiet" && name.endsWith(":latest") && !image.endsWith(":latest"))
    printLine("Using default tag: latest");
  if (all) await pullAllTags(store, image, options);
  else await pull(store, image, options);
  if (mode !== "json") printLine(name);
  return 0;
};

export default body;
