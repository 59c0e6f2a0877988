/** `rename`. */
import { findContainer } from "../../engine/containers/find.ts";
import { renameContainer } from "../../engine/containers/rename.ts";
import { openStore } from "../../engine/store.ts";
import { HoyError } from "../../spec/error.ts";
import type { Body } from "../define.ts";

const body: Body = ({ args }) => {
  const [oldName = "", newName = ""] = args.map((arg) => arg.trim());
  if (oldName === "" || newName === "") throw new HoyError("Error: Neither old nor new names may be empty", { status: 400 });
  const store = openStore();
  renameContainer(store, findContainer(store, oldName).id, newName);
  return 0;
};

export default body;
