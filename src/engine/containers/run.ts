/** `run` and `create` as operations: the image, the container, its start. */
import { foreignTo, formatPlatform, hostPlatform } from "../../spec/platform.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import type { ImageRecord } from "../../storage/images.ts";
import { ensureImage, type PullEvent, type PullPolicy, requestedPlatform } from "../images/pull.ts";
import { openCidfile } from "./cidfile.ts";
import { createContainer } from "./create.ts";
import { deleteContainer } from "./delete.ts";
import { finishById } from "./finish-by-id.ts";
import type { ContainerOptions } from "./options.ts";
import type { ContainerRow } from "./row.ts";
import { Session } from "./session.ts";
import { type StartRequest, startContainer } from "./start.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";

export interface NewContainer {
  options: ContainerOptions;
  /** As the user named it; undefined with --rootfs. */
  image: string | undefined;
  name: string | undefined;
  pull: PullPolicy;
  cidfile: string | undefined;
  onPull?: ((event: PullEvent) => void) | undefined;
  /** What the user should know of the container that was made. */
  onWarning?: ((text: string) => void) | undefined;
}

async function imageOf(store: Store, { image, pull, options, onPull }: NewContainer): Promise<ImageRecord | undefined> {
  if (image === undefined) return undefined;
  const { platform } = options;
  return await ensureImage(store, image, { pull, ...(platform ? { platform } : {}), ...(onPull ? { onEvent: onPull } : {}) });
}

/** Docker's words for an image that this machine cannot run as it is, where no platform was asked for. */
function warnOfPlatform({ options, onWarning }: NewContainer, image: ImageRecord | undefined): void {
  if (!image || requestedPlatform(options.platform) || !foreignTo(image, hostPlatform())) return;
  onWarning?.(
    `The requested image's platform (${formatPlatform(image)}) does not match the detected host platform (${formatPlatform(hostPlatform())}) and no specific platform was requested`,
  );
}

/** Makes a container; returns its row. */
export async function create(store: Store, request: NewContainer): Promise<ContainerRow> {
  using cidfile = openCidfile(request.cidfile);
  const image = await imageOf(store, request);
  using created = createContainer(store, {
    options: request.options,
    name: request.name,
    imageId: image?.id,
    state: "created",
    settings: await readSettings(),
  });
  cidfile?.write(created.row.id);
  warnOfPlatform(request, image);
  return created.row;
}

export interface Running {
  row: ContainerRow;
  session: Session;
}

/** Makes a container and starts it. With --rm a container that could not be started is removed again. */
export async function run(store: Store, request: NewContainer, start: StartRequest): Promise<Running> {
  using cidfile = openCidfile(request.cidfile);
  const image = await imageOf(store, request);
  using created = createContainer(store, {
    options: request.options,
    name: request.name,
    imageId: image?.id,
    state: "starting",
    settings: await readSettings(),
  });
  const { row } = created;
  try {
    cidfile?.write(row.id);
    warnOfPlatform(request, image);
    const { monitor } = await startContainer(store, row, start);
    if (!start.attached) await sweepSometimes(store);
    return { row, session: new Session(monitor.owner, monitor.frames) };
  } catch (error) {
    if (row.autoRemove) {
      deleteContainer(store, row, { volumes: true });
      cidfile?.remove();
    }
    throw error;
  }
}

/** What the owner of a session does after the container's end, and lets the monitor go. True when the container is to start again. */
export async function followUp(store: Store, id: string, session: Session): Promise<boolean> {
  const again = await finishById(store, id);
  await session.done();
  return again;
}
