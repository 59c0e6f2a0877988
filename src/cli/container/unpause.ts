/** `unpause`. */
import { findContainer } from "../../engine/containers/find.ts";
import { unpauseContainer } from "../../engine/containers/pause.ts";
import { openStore } from "../../engine/store.ts";
import type { Body } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = ({ args }) => {
  const store = openStore();
  return forEachName(args, (name) => unpauseContainer(store, findContainer(store, name)));
};

export default body;
