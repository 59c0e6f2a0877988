/** `runtime run`. */
import { deleteContainer } from "../../runtime/oci/end.ts";
import { runContainer } from "../../runtime/oci/run.ts";
import { type Body, truth } from "../define.ts";
import { followProcess, withConsole } from "./foreground.ts";
import { creation, warnOf } from "./request.ts";

const body: Body = async (call) => {
  const request = creation(call);
  const detach = truth(call.flags, "detach");
  if (detach) {
    await runContainer({ ...request, console: undefined, foreground: false }, warnOf(call));
    return 0;
  }
  return await withConsole(request.consoleSocket, async (terminal) => {
    const { record, spec, player } = await runContainer({ ...request, console: terminal?.theirs, foreground: true }, warnOf(call));
    if (!player) return 0;
    const code = await followProcess(player, { pid: record.pid, terminal: spec.process?.terminal ? terminal : undefined });
    if (!truth(call.flags, "keep")) await deleteContainer(request.root, request.id, true, warnOf(call));
    return code;
  });
};

export default body;
