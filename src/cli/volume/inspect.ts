/** `volume inspect`. */

import { openStore } from "../../engine/store.ts";
import { inspectVolume } from "../../engine/volumes/inspect.ts";
import { VOLUME_FIELDS } from "../../engine/volumes/inspect-fields.ts";
import { type Body, text } from "../define.ts";
import { inspectAll } from "../output/inspect.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  return inspectAll({
    names: args,
    format: text(flags, "format"),
    find: (name) => ({ document: inspectVolume(store, name), fields: VOLUME_FIELDS }),
  });
};

export default body;
