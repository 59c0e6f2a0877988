/** `runtime delete`. */
import { deleteContainer } from "../../runtime/oci/end.ts";
import { type Body, truth } from "../define.ts";
import { warnOf } from "./request.ts";

const body: Body = async (call) => {
  await deleteContainer(call.root as string, call.args[0] as string, truth(call.flags, "force"), warnOf(call));
  return 0;
};

export default body;
