/** `runtime resume`. */
import { freezeContainer } from "../../runtime/oci/list.ts";
import type { Body } from "../define.ts";

const body: Body = ({ args, root }) => {
  freezeContainer(root as string, args[0] as string, false);
  return 0;
};

export default body;
