/** `network inspect`. */
import { inspectNetwork } from "../../engine/networks/inspect.ts";
import { NETWORK_FIELDS } from "../../engine/networks/inspect-fields.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, text } from "../define.ts";
import { inspectAll } from "../output/inspect.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  return inspectAll({
    names: args,
    format: text(flags, "format"),
    find: async (name) => ({ document: await inspectNetwork(store, name), fields: NETWORK_FIELDS }),
  });
};

export default body;
