/** Connecting to a running container's monitor, for attach and for the API. */
import { join } from "node:path";
import { O_DIRECTORY, O_PATH, open } from "../../../ffi/fd.ts";
import { connectUnix } from "../../../ffi/socket.ts";
import { FrameReader, From, PROTOCOL } from "../../runtime/frames.ts";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { isPaused } from "./paused.ts";
import { type ContainerRow, runFolder } from "./row.ts";
import { Session } from "./session.ts";

/** Joins the container's other listeners. Throws HoyError when it does not run, or its monitor speaks a newer protocol. */
export function connectContainer(store: Store, row: Pick<ContainerRow, "id" | "name">): Session {
  if (isPaused(store, row.id)) throw new HoyError("You cannot attach to a paused container, unpause it first", { status: 409 });
  using folder = open(runFolder(store, row.id), O_PATH | O_DIRECTORY);
  const socket = connectUnix(join(folder.path, "attach.sock"));
  if (!socket) throw new HoyError(`You cannot attach to a stopped container, start it first`, { status: 409 });
  const frames = new FrameReader(socket.number);
  const hello = frames.next();
  if (hello?.type !== From.hello) throw new HoyError(`the monitor of ${row.name} gives no answer`);
  const version = hello.data[0] ?? 0;
  if (version > PROTOCOL)
    throw new HoyError(`the monitor of ${row.name} speaks protocol ${version}, this hoy ${PROTOCOL}`, {
      hint: "use the newer hoy that started it",
    });
  return new Session(socket, frames);
}
