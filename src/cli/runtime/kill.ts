/** `runtime kill`. */
import { killContainer } from "../../runtime/oci/end.ts";
import { parseSignal } from "../../runtime/signals.ts";
import { type Body, truth } from "../define.ts";

const body: Body = ({ flags, args, root }) => {
  const [id = "", signal = "SIGTERM"] = args;
  killContainer(root as string, id, { signal: parseSignal(signal), all: truth(flags, "all") });
  return 0;
};

export default body;
