/** `stop`. */
import { findContainer } from "../../engine/containers/find.ts";
import { stopContainer } from "../../engine/containers/stop.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  const timeout = text(flags, "timeout");
  const request = { signal: text(flags, "signal"), timeout: timeout === undefined ? undefined : Number(timeout) };
  return forEachName(args, (name) => stopContainer(store, findContainer(store, name).id, request));
};

export default body;
