/** `runtime state`. */
import { describe, findContainer } from "../../runtime/oci/list.ts";
import type { Body } from "../define.ts";
import { printLine } from "../output/write.ts";

const body: Body = ({ args, root }) => {
  printLine(JSON.stringify(describe(findContainer(root as string, args[0] as string)), undefined, 2));
  return 0;
};

export default body;
