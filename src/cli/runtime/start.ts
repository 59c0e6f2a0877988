/** `runtime start`. */
import { startContainer } from "../../runtime/oci/start.ts";
import type { Body } from "../define.ts";
import { warnOf } from "./request.ts";

const body: Body = async (call) => {
  await startContainer(call.root as string, call.args[0] as string, warnOf(call));
  return 0;
};

export default body;
