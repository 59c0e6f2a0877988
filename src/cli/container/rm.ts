/** `rm`. */
import { findContainer } from "../../engine/containers/find.ts";
import { removeContainer } from "../../engine/containers/remove.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, truth } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  const request = { force: truth(flags, "force"), volumes: truth(flags, "volumes") };
  return forEachName(args, (name) => removeContainer(store, findContainer(store, name).id, request), { absentPasses: request.force });
};

export default body;
