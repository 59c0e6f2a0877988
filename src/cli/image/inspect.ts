/** `image inspect`. */
import { inspectImage } from "../../engine/images/inspect.ts";
import { IMAGE_FIELDS } from "../../engine/images/inspect-fields.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text } from "../define.ts";
import { inspectAll } from "../output/inspect.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  return inspectAll({
    names: args,
    format: text(flags, "format"),
    find: (name) => ({ document: inspectImage(store, name), fields: IMAGE_FIELDS }),
  });
};

export default body;
