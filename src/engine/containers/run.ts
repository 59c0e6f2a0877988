/** `run` and `create` as operations: the image, the container, its start. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import { reason } from "../../spec/reason.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { ensureImage, type PullEvent, type PullPolicy } from "../images/pull.ts";
import { createContainer } from "./create.ts";
import { deleteContainer } from "./delete.ts";
import { finishById } from "./finish-by-id.ts";
import type { ContainerOptions } from "./options.ts";
import type { ContainerRow } from "./row.ts";
import { Session } from "./session.ts";
import { type StartRequest, startContainer } from "./start.ts";
import { sweepSometimes } from "./sweep.ts";

export interface NewContainer {
  options: ContainerOptions;
  /** As the user named it; undefined with --rootfs. */
  image: string | undefined;
  name: string | undefined;
  pull: PullPolicy;
  cidfile: string | undefined;
  onPull?: ((event: PullEvent) => void) | undefined;
}

async function imageIdOf(store: Store, { image, pull, options, onPull }: NewContainer): Promise<string | undefined> {
  if (image === undefined) return undefined;
  const { platform } = options;
  const found = await ensureImage(store, image, { pull, ...(platform ? { platform } : {}), ...(onPull ? { onEvent: onPull } : {}) });
  return found.id;
}

function checkCidfile(path: string | undefined): void {
  if (path !== undefined && existsSync(path))
    throw new HoyError(`container ID file found, make sure the other container isn't running or delete ${path}`, {
      exitCode: 125,
      status: 409,
    });
}

function writeCidfile(path: string | undefined, id: string): void {
  if (path === undefined) return;
  try {
    writeFileSync(path, id, { flag: "wx" });
  } catch (error) {
    throw new HoyError(`cannot write the container ID file ${path}: ${reason(error)}`, { exitCode: 125, cause: error });
  }
}

/** Makes a container; returns its row. */
export async function create(store: Store, request: NewContainer): Promise<ContainerRow> {
  checkCidfile(request.cidfile);
  const imageId = await imageIdOf(store, request);
  using created = createContainer(store, {
    options: request.options,
    name: request.name,
    imageId,
    state: "created",
    settings: await readSettings(),
  });
  writeCidfile(request.cidfile, created.row.id);
  return created.row;
}

export interface Running {
  row: ContainerRow;
  session: Session;
}

/** Makes a container and starts it. With --rm a container that could not be started is removed again. */
export async function run(store: Store, request: NewContainer, start: StartRequest): Promise<Running> {
  checkCidfile(request.cidfile);
  const imageId = await imageIdOf(store, request);
  using created = createContainer(store, {
    options: request.options,
    name: request.name,
    imageId,
    state: "starting",
    settings: await readSettings(),
  });
  const { row } = created;
  try {
    writeCidfile(request.cidfile, row.id);
    const { monitor } = await startContainer(store, row, start);
    if (!start.attached) await sweepSometimes(store);
    return { row, session: new Session(monitor.owner, monitor.frames) };
  } catch (error) {
    if (row.autoRemove) {
      deleteContainer(store, row, { volumes: true });
      if (request.cidfile !== undefined) rmSync(request.cidfile, { force: true });
    }
    throw error;
  }
}

/** What the owner of a session does after the container's end, and lets the monitor go. */
export async function followUp(store: Store, id: string, session: Session): Promise<void> {
  await finishById(store, id);
  await session.done();
}
