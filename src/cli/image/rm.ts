/** `rmi`. */
import { type ImageRemoval, removeNamedImage } from "../../engine/images/remove.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, truth } from "../define.ts";
import { forEachName } from "../each.ts";

const line = (removal: ImageRemoval): string => ("untagged" in removal ? `Untagged: ${removal.untagged}` : `Deleted: ${removal.deleted}`);

const body: Body = ({ flags, args }) => {
  const store = openStore();
  const force = truth(flags, "force");
  return forEachName(args, (name) => removeNamedImage(store, name, force).map(line).join("\n"), { absentPasses: force });
};

export default body;
