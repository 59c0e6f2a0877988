/** `diff`. */
import { changeLine, containerChanges } from "../../engine/containers/changes.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { openStore } from "../../engine/store.ts";
import { HoyError } from "../../spec/error.ts";
import type { Body } from "../define.ts";
import { writeStream } from "../output/write.ts";

const body: Body = ({ args }) => {
  const [name = ""] = args;
  if (name === "") throw new HoyError("Container name cannot be empty", { exitCode: 1 });
  const store = openStore();
  writeStream(1, Buffer.concat(containerChanges(store, findContainer(store, name)).map(changeLine)));
  return 0;
};

export default body;
