/** `cp`. */

import { splitArgument } from "../../engine/containers/copy/paths.ts";
import { type Copied, copyIn, copyInTar, copyOut, copyOutAsTar } from "../../engine/containers/copy.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, truth } from "../define.ts";
import { humanSize } from "../output/units.ts";
import { tellLine, writeStream } from "../output/write.ts";

const refused = (message: string): HoyError => new HoyError(message, { exitCode: 1 });

const body: Body = async ({ flags, args }) => {
  const [from = "", to = ""] = args;
  if (from === "") throw refused("source can not be empty");
  if (to === "") throw refused("destination can not be empty");
  const [source, destination] = [splitArgument(from), splitArgument(to)];
  const inside = source.container === undefined ? destination : source;
  const { container } = inside;
  if (container === undefined) throw refused("must specify at least one container source");
  if (source.container !== undefined && destination.container !== undefined) throw refused("copying between containers is not supported");
  if (destination.path === "") throw refused("no such directory");
  if (source.path === "") throw refused(`Could not find the file  in container ${container}`);
  const store = openStore();
  const request = {
    row: findContainer(store, container),
    container,
    path: inside.path,
    followLink: truth(flags, "follow-link"),
    archive: truth(flags, "archive"),
  };
  let copied: Copied | undefined;
  if (inside === source) {
    if (destination.path === "-") for await (const bytes of copyOutAsTar(store, request)) writeStream(1, bytes);
    else copied = await copyOut(store, request, destination.path);
  } else if (source.path === "-") {
    const { standardInput } = await import("../../engine/images/archive.ts");
    await copyInTar(store, request, standardInput());
  } else copied = await copyIn(store, request, source.path);
  const quiet = flags.quiet === undefined ? !isTerminal(1) : truth(flags, "quiet");
  if (copied && !quiet) tellLine(`Successfully copied ${humanSize(copied.bytes, 3)} to ${copied.place}`);
  return 0;
};

export default body;
