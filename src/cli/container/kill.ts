/** `kill`. */
import { findContainer } from "../../engine/containers/find.ts";
import { killContainer } from "../../engine/containers/stop.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  return forEachName(args, (name) => killContainer(store, findContainer(store, name), text(flags, "signal") ?? "KILL"));
};

export default body;
