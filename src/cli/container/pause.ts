/** `pause`. */
import { findContainer } from "../../engine/containers/find.ts";
import { pauseContainer } from "../../engine/containers/pause.ts";
import { openStore } from "../../engine/store.ts";
import type { Body } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = ({ args }) => {
  const store = openStore();
  return forEachName(args, (name) => pauseContainer(store, findContainer(store, name)));
};

export default body;
