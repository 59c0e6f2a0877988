/** `run` and `create` as operations: the image, the container, its start. */

import { hasSelinux } from "../../runtime/selinux/host.ts";
import { HoyError } from "../../spec/error.ts";
import { foreignTo, formatPlatform, hostPlatform } from "../../spec/platform.ts";
import { readSettings, type Settings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import type { ImageRecord } from "../../storage/images.ts";
import { ensureImage, type PullEvent, type PullPolicy, requestedPlatform } from "../images/pull.ts";
import { openCidfile } from "./cidfile.ts";
import { type CreateRequest, createContainer, type LayerLimit } from "./create.ts";
import { deleteContainer } from "./delete.ts";
import { finishById } from "./finish-by-id.ts";
import { type ContainerOptions, OWN_RUNTIME } from "./options.ts";
import { hasOwnUsers } from "./parse/modes.ts";
import { liesInRootfs } from "./rootfs.ts";
import type { ContainerRow } from "./row.ts";
import { Session } from "./session.ts";
import { type StartRequest, startContainer } from "./start.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";
import type { IdGiver } from "./user-namespace.ts";

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

/** A user namespace of the container's own is rare: what gives it its ids is loaded for those alone. */
async function idsFor(store: Store, options: ContainerOptions, image: ImageRecord | undefined): Promise<{ ids?: IdGiver }> {
  if (!hasOwnUsers(options.hostConfig.UsernsMode)) return {};
  const { planIds } = await import("./user-namespace.ts");
  const ids = planIds(store, options, image?.id);
  return ids ? { ids } : {};
}

/** Another runtime than hoy itself is as rare. */
async function withRuntime(options: ContainerOptions, settings: Settings): Promise<ContainerOptions> {
  const name = options.hostConfig.Runtime || settings["default-runtime"] || OWN_RUNTIME;
  const named = { ...options, hostConfig: { ...options.hostConfig, Runtime: name } };
  if (name === OWN_RUNTIME && !settings.runtimes?.[name]) return named;
  const { checkOptions, chooseRuntime } = await import("./other-runtime.ts");
  checkOptions(named);
  return { ...named, runtime: chooseRuntime(name, settings) };
}

interface Limited {
  layerSize?: number;
  limit?: LayerLimit;
}

/** A limit on the container's own layer is as rare. One on a tmpfs is the mount's own (rootfs.ts). */
async function limitFor(store: Store, { hostConfig, rootfs }: ContainerOptions): Promise<Limited> {
  if (!hostConfig.StorageOpt) return {};
  const [{ forgetLimit, limitFolders }, { storageSize }] = await Promise.all([
    import("../../storage/project-quota.ts"),
    import("./parse/storage-opt.ts"),
  ]);
  const bytes = storageSize(hostConfig.StorageOpt);
  if (store.rootless)
    throw new HoyError("--storage-opt size: needs root: the kernel lets no ordinary user set project quotas", { status: 400 });
  if (bytes === 0) return {};
  if (liesInRootfs(store, rootfs)) return { layerSize: bytes };
  const { root } = store;
  return {
    layerSize: bytes,
    limit: { set: (id, folders) => limitFolders({ root, folders, bytes, id }), forget: (project) => forgetLimit(root, project) },
  };
}

/** With SELinux labels, where containers get some. */
async function labelled(store: Store, options: ContainerOptions, settings: Settings): Promise<ContainerOptions> {
  if (!settings["selinux-enabled"] || !hasSelinux()) return options;
  const { newLabels } = await import("./selinux.ts");
  return { ...options, ...newLabels(store, options.hostConfig) };
}

interface Completing {
  image: ImageRecord | undefined;
  state: CreateRequest["state"];
}

async function complete(store: Store, { options, name }: NewContainer, { image, state }: Completing): Promise<CreateRequest> {
  const settings = await readSettings();
  const { limit, ...size } = await limitFor(store, options);
  return {
    options: { ...(await labelled(store, await withRuntime(options, settings), settings)), ...size },
    name,
    imageId: image?.id,
    state,
    settings,
    ...(await idsFor(store, options, image)),
    ...(limit ? { limit } : {}),
  };
}

/** Makes a container; returns its row. */
export async function create(store: Store, request: NewContainer): Promise<ContainerRow> {
  using cidfile = openCidfile(request.cidfile);
  const image = await imageOf(store, request);
  using created = createContainer(store, await complete(store, request, { image, state: "created" }));
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
  using created = createContainer(store, await complete(store, request, { image, state: "starting" }));
  const { row } = created;
  try {
    cidfile?.write(row.id);
    warnOfPlatform(request, image);
    const { monitor } = await startContainer(store, row, { ...start, onWarning: request.onWarning });
    if (!start.attached) await sweepSometimes(store);
    return { row, session: new Session(monitor.owner, monitor.frames) };
  } catch (error) {
    if (row.autoRemove) {
      await deleteContainer(store, row, { volumes: true });
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
