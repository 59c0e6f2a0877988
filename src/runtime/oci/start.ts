/** `start`: the word to a container that was created. The words of the conversation are drawn in conversation.ts. */

import { join } from "node:path";
import { check, SysError } from "../../../ffi/errno.ts";
import { Fd, sendFds, socketPair } from "../../../ffi/fd.ts";
import { rmSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { connectDatagram } from "../../../ffi/socket.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { isFrozen } from "../cgroup/frozen.ts";
import { From } from "../frames.ts";
import { locateContainerCgroup } from "./cgroup.ts";
import { LISTENER } from "./conversation.ts";
import { ownNamespaces } from "./create.ts";
import { explain } from "./explain.ts";
import { runHooks } from "./hooks.ts";
import { type ContainerRecord, folderOf, lockFolder, readRecord, readSpec, START_SOCKET, statusOf } from "./record.ts";
import { connectAgent, DescriptorReader } from "./seccomp-agent.ts";
import { stateOf } from "./state.ts";

/** Starts it; the function given gets what is to be warned of. Throws HoyError. */
export async function startContainer(root: string, id: string, warn: (text: string) => void): Promise<void> {
  const folder = folderOf(root, id);
  using _lock = lockFolder(folder);
  const record = readRecord(folder);
  const spec = readSpec(folder);
  const status = statusOf(folder, record, () => isFrozen(locateContainerCgroup(record).freeze));
  if (status === "stopped") throw new HoyError("cannot start a container that has stopped", { status: 409 });
  if (status !== "created") throw new HoyError("cannot start an already running container", { status: 409 });
  if (!spec.process) throw new HoyError("cannot start a container without a process: config.json has none", { status: 400 });
  await beforeStart(record, spec);
  giveWord(folder, record, spec);
  await afterStart(record, spec, warn);
}

/** The hooks inside the container. */
export async function beforeStart(record: ContainerRecord, spec: Spec): Promise<void> {
  if (!spec.hooks?.startContainer?.length) return;
  using process = new Fd(check(sys(NR.pidfd_open, record.pid, 0), "open the container's first process"));
  await runHooks(spec, "startContainer", stateOf(record, spec, "created"), { process, namespaces: ownNamespaces(spec) });
}

/** What goes wrong after the start is only told (runtime.md, "Lifecycle", 9). */
export async function afterStart(record: ContainerRecord, spec: Spec, warn: (text: string) => void): Promise<void> {
  try {
    await runHooks(spec, "poststart", stateOf(record, spec, "running"));
  } catch (error) {
    warn((error as Error).message);
  }
}

function giveWord(folder: string, record: ContainerRecord, spec: Spec): void {
  using agent = connectAgent(spec.linux?.seccomp);
  using socket = connectDatagram(folder, START_SOCKET);
  if (!socket) throw new HoyError("cannot start a container that has stopped", { status: 409 });
  const [ours, theirs] = socketPair();
  using answer = ours;
  sendFds(socket.number, new Uint8Array(1), [theirs]);
  theirs.close();
  const frames = new DescriptorReader(answer.number);
  let frame = frames.next();
  if (frame?.type === LISTENER) {
    agent?.handOver(frames.fds.shift(), record.pid, stateOf(record, spec, "created"));
    frame = frames.next();
  }
  rmSync(join(folder, START_SOCKET));
  if (frame?.type !== From.failed) return;
  const step = record.steps.names[frame.data.readInt32LE(0) - record.steps.from] ?? "start the container's program";
  throw explain(new SysError(step, frame.data.readInt32LE(4)), spec);
}
