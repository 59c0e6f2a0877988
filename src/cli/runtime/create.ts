/** `runtime create`. */
import { createContainer } from "../../runtime/oci/create.ts";
import type { Body } from "../define.ts";
import { creation } from "./request.ts";

const body: Body = async (call) => {
  const created = await createContainer({ ...creation(call), console: undefined, separateStart: true, foreground: false });
  created.lock.close();
  return 0;
};

export default body;
