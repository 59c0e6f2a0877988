/** `create`: from options to a row, folders and volumes. Nothing of the kernel's is made here. */

import { hostname } from "node:os";
import { join } from "node:path";
import { chmodSync, chownSync, mkdirSync, statSync } from "../../../ffi/fs.ts";
import { detectCgroups } from "../../runtime/cgroup/host.ts";
import { notFound } from "../../spec/error.ts";
import { record } from "../../state/events.ts";
import { forThisBoot, type Store } from "../../state/store.ts";
import { imageConfig } from "../../storage/images.ts";
import { layerPaths } from "../../storage/layers.ts";
import { removeTree } from "../../storage/remove.ts";
import { checkProfile } from "./apparmor.ts";
import { type ContainerSettings, completeOptions, type ImageDefaults } from "./complete.ts";
import { recordContainer } from "./events.ts";
import { guardNewContainer } from "./guard.ts";
import { hostCpus, onlineCpus, onlineNodes } from "./host-resources.ts";
import { prepareBindSources } from "./mounts.ts";
import { checkContainerName, freeName, generateId, nameConflict } from "./names.ts";
import type { ContainerOptions, MountRequest } from "./options.ts";
import { type ContainerRow, dataFolder, type RowState } from "./row.ts";
import { removeRunFolder } from "./run-folder.ts";
import { adoptNames, resolveModes } from "./shared.ts";
import { imageToMount } from "./sources.ts";
import type { IdGiver } from "./user-namespace.ts";

export interface CreateRequest {
  options: ContainerOptions;
  /** Undefined: one is made up. */
  name?: string | undefined;
  /** sha256:… of the image in the store; undefined with --rootfs. */
  imageId: string | undefined;
  /** `starting` when a start follows at once: a start that was cut off is undone by the next command. */
  state: Extract<RowState, "created" | "starting">;
  /** This host's defaults for what the user left open. */
  settings: ContainerSettings;
  /** For a container with a user namespace of its own. */
  ids?: IdGiver;
  limit?: LayerLimit;
}

export interface LayerLimit {
  /** Limits the folders of the container's own layer; returns the project id under which it does. */
  set(id: string, folders: readonly string[]): number;
  /** Takes it back. */
  forget(project: number): void;
}

export interface Created extends Disposable {
  row: ContainerRow;
}

/**
 * Makes the container and holds its lock until disposed of. Throws HoyError when the name is taken or the options contradict each
 * other; nothing is left then.
 */
export function createContainer(store: Store, request: CreateRequest): Created {
  const { imageId } = request;
  const id = generateId();
  const image = imageId === undefined ? undefined : (imageConfig(store, imageId).config as ImageDefaults | undefined);
  const { config } = request.options;
  const asked = {
    ...request.options,
    hostConfig: resolveModes(store, request.options.hostConfig),
    config: { ...config, User: config.User || (request.ids?.user ?? "") },
  };
  const options = completeOptions(asked, {
    id,
    image,
    hostHostname: hostname(),
    hostCpus: hostCpus(),
    onlineCpus,
    onlineNodes,
    settings: request.settings,
    cgroupVersion: detectCgroups().mode === "v2" ? 2 : 1,
  });
  checkProfile(options.hostConfig);
  adoptNames(store, options);
  prepareBindSources(options.mounts ?? []);
  for (const mount of options.mounts ?? []) settleSource(store, mount);
  const row: ContainerRow = {
    id,
    name: request.name === undefined ? "" : checkContainerName(request.name),
    imageId: imageId ?? null,
    image: options.config.Image,
    created: Date.now(),
    started: 0,
    finished: 0,
    state: request.state,
    pid: 0,
    exitCode: 0,
    oomKilled: false,
    error: "",
    autoRemove: options.hostConfig.AutoRemove,
    restartCount: 0,
    restartDelay: 0,
    stopped: false,
    options,
  };
  const guard = guardNewContainer(store, id);
  try {
    const own = makeFolders(store, id, imageId);
    if (request.limit) options.project = request.limit.set(id, own);
    // the row of a volume stands for data that stays
    if (row.autoRemove && !options.mounts?.some(({ type }) => type === "volume")) forThisBoot(store);
    store.db.transaction(() => insert(store, row, request.ids)).immediate();
  } catch (error) {
    removeTree(dataFolder(store, id));
    removeRunFolder(store, id);
    if (options.project !== undefined) request.limit?.forget(options.project);
    guard.close();
    throw error;
  }
  return { row, [Symbol.dispose]: () => guard.close() };
}

/** Gives an anonymous volume its name, and an image's reference the meaning that it has now. */
function settleSource(store: Store, mount: MountRequest): void {
  if (mount.type === "volume") mount.source ||= generateId();
  else if (mount.type === "image") mount.imageId = imageToMount(store, mount.source);
}

/** Returns those of the container's own layer. */
function makeFolders(store: Store, id: string, imageId: string | undefined): string[] {
  const data = dataFolder(store, id);
  const upper = join(data, "upper");
  mkdirSync(data, { mode: 0o710 });
  mkdirSync(upper, { mode: 0o755 });
  const work = join(data, "work");
  mkdirSync(work, { mode: 0o700 });
  const own = [upper, work];
  const top = imageId === undefined ? undefined : layerPaths(store, imageId).folders[0];
  if (top === undefined) return own;
  // the root of an overlay is its upper's
  const status = statSync(top, { throwIfNoEntry: false });
  // removed this moment: the transaction will see it
  if (!status) return own;
  const { mode, uid, gid } = status;
  chownSync(upper, uid, gid);
  chmodSync(upper, mode & 0o7777);
  return own;
}

/** The row, its volumes and its event, in the caller's transaction. */
function insert(store: Store, row: ContainerRow, ids: IdGiver | undefined): void {
  const { db } = store;
  // An `rmi` may have come since the image was looked up; from here on the row keeps it.
  if (row.imageId !== null) checkImage(store, row.imageId, row.image);
  const holder = (name: string) => db.query("SELECT id FROM containers WHERE name = ?").get(name) as { id: string } | null;
  row.name ||= freeName((name) => holder(name) !== null);
  const other = holder(row.name);
  if (other) throw nameConflict(row.name, other.id);
  db.query("INSERT INTO containers(id, name, image_id, image, created, state, auto_remove, options) VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
    row.id,
    row.name,
    row.imageId,
    row.image,
    row.created,
    row.state,
    row.autoRemove ? 1 : 0,
    JSON.stringify(row.options),
  );
  if (ids) {
    row.options.idMaps = ids.give(store, row.id);
    db.query("UPDATE containers SET options = ? WHERE id = ?").run(JSON.stringify(row.options), row.id);
  }
  for (const mount of row.options.mounts ?? []) {
    if (mount.type === "volume") useVolume(store, row.id, mount);
    else if (mount.type === "image") useImage(store, row.id, mount);
  }
  recordContainer(store, row, "create");
}

function checkImage(store: Store, id: string, name: string): void {
  if (!store.db.query("SELECT 1 FROM images WHERE id = ?").get(id)) throw notFound("image", name);
}

/** Binds the image to the container: it stays as long as that. */
function useImage(store: Store, id: string, { source, imageId = "" }: MountRequest): void {
  checkImage(store, imageId, source);
  store.db.query("INSERT OR IGNORE INTO container_images(container_id, image_id) VALUES (?, ?)").run(id, imageId);
}

/** Makes the volume's row where there is none, and binds it to the container. */
function useVolume(store: Store, id: string, { source, anonymous = false, volumeLabels = {} }: MountRequest): void {
  const { changes } = store.db
    .query("INSERT OR IGNORE INTO volumes(name, created, anonymous, labels) VALUES (?, ?, ?, ?)")
    .run(source, Date.now(), anonymous ? 1 : 0, JSON.stringify(volumeLabels));
  if (changes > 0) record(store, { type: "volume", action: "create", actor: source, attributes: { driver: "local" } });
  store.db.query("INSERT OR IGNORE INTO container_volumes(container_id, volume) VALUES (?, ?)").run(id, source);
}
