/** `stop`. */
import { findContainer } from "../../engine/containers/find.ts";
import { stopContainer } from "../../engine/containers/stop.ts";
import { openStore } from "../../engine/store.ts";
import type { Body } from "../define.ts";
import { forEachName } from "../each.ts";
import { readStopFlags } from "./stop-flags.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  const request = readStopFlags(flags);
  return forEachName(args, (name) => stopContainer(store, findContainer(store, name).id, request));
};

export default body;
