/** `run`: create and start in one; in the foreground until the container's end. */
import { type Created, type CreateRequest, createContainer } from "./create.ts";
import { deleteContainer } from "./end.ts";
import { explain } from "./explain.ts";
import { connectAgent } from "./seccomp-agent.ts";
import { afterStart, beforeStart } from "./start.ts";
import { stateOf } from "./state.ts";

/** Returns once the program runs. On failure nothing is left. Throws HoyError. */
export async function runContainer(request: Omit<CreateRequest, "separateStart">, warn: (text: string) => void): Promise<Created> {
  const created = await createContainer({ ...request, separateStart: false });
  const { record, spec, conversation } = created;
  try {
    await beforeStart(record, spec);
    using agent = connectAgent(spec.linux?.seccomp);
    conversation.word();
    conversation.expectEnd((listener) => agent?.handOver(listener, record.pid, stateOf(record, spec, "created")));
    await afterStart(record, spec, warn);
  } catch (error) {
    conversation[Symbol.dispose]();
    created.lock.close();
    await deleteContainer(request.root, request.id, true, warn);
    throw explain(error, spec);
  }
  created.lock.close();
  conversation[Symbol.dispose]();
  return created;
}
