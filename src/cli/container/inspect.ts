/** `container inspect`. */
import { findContainer } from "../../engine/containers/find.ts";
import { inspectContainer } from "../../engine/containers/inspect.ts";
import { CONTAINER_FIELDS } from "../../engine/containers/inspect-fields.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text, truth } from "../define.ts";
import { inspectAll } from "../output/inspect.ts";

const body: Body = async ({ flags, args }) => {
  const store = openStore();
  const size = truth(flags, "size") ? (await import("../../engine/containers/size.ts")).containerSize : undefined;
  return inspectAll({
    names: args,
    format: text(flags, "format"),
    find: (name) => {
      const row = findContainer(store, name);
      return { document: inspectContainer(store, row, size?.(store, row)), fields: CONTAINER_FIELDS };
    },
  });
};

export default body;
