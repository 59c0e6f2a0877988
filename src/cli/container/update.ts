/** `update`. */
import { findContainer } from "../../engine/containers/find.ts";
import { parseRestart } from "../../engine/containers/parse/restart.ts";
import { updateContainer } from "../../engine/containers/update.ts";
import { openStore } from "../../engine/store.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text } from "../define.ts";
import { forEachName } from "../each.ts";
import { type LimitFlags, readLimits } from "./resource-options.ts";

const body: Body = ({ flags, args }) => {
  if (Object.keys(flags).length === 0) throw new HoyError("you must provide one or more flags when using this command", { status: 400 });
  const change = readLimits(flags as LimitFlags);
  const restart = text(flags, "restart");
  const policy = restart ? parseRestart(restart) : undefined;
  const store = openStore();
  return forEachName(args, (name) => updateContainer(store, findContainer(store, name).id, { change, policy }));
};

export default body;
