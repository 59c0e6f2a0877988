/** `volume rm`. */
import { openStore } from "../../engine/store.ts";
import { removeVolume } from "../../engine/volumes/remove.ts";
import { type Body, truth } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  return forEachName(args, (name) => {
    removeVolume(store, name, truth(flags, "force"));
    return undefined;
  });
};

export default body;
