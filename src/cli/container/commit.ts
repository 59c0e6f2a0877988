/** `commit`. */
import { commitContainer } from "../../engine/containers/commit.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { openStore } from "../../engine/store.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, list, text, truth } from "../define.ts";
import { printLine, warn } from "../output/write.ts";

const body: Body = async ({ flags, args }) => {
  const [name = "", reference] = args;
  if (flags.pause !== undefined && flags["no-pause"] !== undefined)
    throw new HoyError("conflicting options: --no-pause and --pause cannot be used together", { exitCode: 1 });
  const store = openStore();
  const id = await commitContainer(store, findContainer(store, name), {
    reference,
    author: text(flags, "author") ?? "",
    comment: text(flags, "message") ?? "",
    changes: list(flags, "change"),
    pause: flags.pause !== false && !truth(flags, "no-pause"),
    onWarning: warn,
  });
  printLine(id);
  return 0;
};

export default body;
