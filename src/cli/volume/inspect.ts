/** `volume inspect`. */
import { openStore } from "../../engine/store.ts";
import { inspectVolume } from "../../engine/volumes/inspect.ts";
import { type Body, text } from "../define.ts";
import { inspectAll } from "../output/inspect.ts";

const body: Body = ({ flags, args }) => {
  const store = openStore();
  return inspectAll({ names: args, format: text(flags, "format"), find: (name) => inspectVolume(store, name) });
};

export default body;
