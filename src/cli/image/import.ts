/** `import`. */
import { importImage } from "../../engine/images/import.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, list, text } from "../define.ts";
import { printLine } from "../output/write.ts";

const body: Body = async ({ flags, args }) => {
  const [source = "", reference] = args;
  if (source === "-" && isTerminal(0)) throw new HoyError("requested import from stdin, but stdin is a terminal", { exitCode: 1 });
  const id = await importImage(openStore(), {
    source,
    reference,
    message: text(flags, "message") ?? "",
    changes: list(flags, "change"),
    platform: text(flags, "platform"),
    onDownload: (url) => printLine(`Downloading from ${url}`),
  });
  printLine(id);
  return 0;
};

export default body;
