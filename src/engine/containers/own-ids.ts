/**
 * A container with a user namespace of its own on disk: its layers show its ids in place of the image's, through mounts with mapped
 * ids where the kernel lets us (root, overlay over them: Linux 5.19), else through a copy that is made at its first start.
 * What it writes has its ids as the host has them. Loaded only for such containers.
 */
import { join, resolve } from "node:path";
import { copyFolder, type Owners } from "../../../ffi/copy.ts";
import { type Fd, O_DIRECTORY, O_RDONLY, open, openAt } from "../../../ffi/fd.ts";
import { chownSync, existsSync, mkdirSync, renameSync, statSync } from "../../../ffi/fs.ts";
import type { Part, Tape } from "../../../ffi/tape.ts";
import { type IdMaps, outerId } from "../../runtime/id-maps.ts";
import { writeIdMaps } from "../../runtime/oci/user.ts";
import { type OwnUserNamespace, type Prepared, planUserNamespace } from "../../runtime/plan/userns.ts";
import type { Monitor } from "../../runtime/start.ts";
import { makeUserNamespace, mapTree } from "../../runtime/user-namespace.ts";
import { HoyError } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { cannotMap, mountOverlay, type Overlay } from "../../storage/overlay.ts";
import { removeTree } from "../../storage/remove.ts";
import type { Owner } from "./init-files.ts";
import { isHostView, type Lowers, layersBelow, mountRootfs, ownLayer, type Rootfs } from "./rootfs.ts";
import { type ContainerRow, dataFolder } from "./row.ts";
import type { PlaceIds } from "./sources.ts";

/** A start of such a container: what differs from others. */
export interface OwnIds extends Disposable {
  /** Who is root in the container, as hoy sees it. */
  readonly owner: Owner;
  readonly place: PlaceIds;
  /** True for a group that the container's namespace has. */
  mapsGroup(gid: number): boolean;
  /** As mountRootfs, with the container's ids. Throws HoyError. */
  mountRootfs(): Rootfs;
  /** What is done before the first process is in the namespace, behind `join`. */
  prepare(tape: Tape, request: Pick<OwnUserNamespace, "spec" | "joinCgroups"> & { join: Part | undefined }): Prepared;
  /** Gives the ids to the first process, which waits for them. */
  writeIds(monitor: Monitor, pid: number): void;
}

/** A container's id as hoy sees it; what the namespace does not have stays as it is. */
const shift =
  ({ uidMaps, gidMaps }: IdMaps): Owners =>
  ({ uid, gid }) => ({
    uid: outerId(uidMaps, uid) ?? uid,
    gid: outerId(gidMaps, gid) ?? gid,
  });

const isSame = ({ uidMaps, gidMaps }: IdMaps): boolean =>
  [...uidMaps, ...gidMaps].every(({ containerID, hostID }) => containerID === hostID);

export function ownIds(store: Store, row: ContainerRow, maps: IdMaps): OwnIds {
  const namespace = store.rootless || isSame(maps) ? undefined : makeUserNamespace(maps);
  const owner = shift(maps)({ uid: 0, gid: 0 });
  const { config } = row.options;
  const mapping: Mapping = { store, row, maps, owner, namespace };
  return {
    owner,
    place: {
      owner,
      namespace,
      map: (path) => namespace && mapTree(path, namespace),
      openLayers: () => openLayers(store, layersBelow(store, row)),
    },
    mapsGroup: (gid) => outerId(maps.gidMaps, gid) !== undefined,
    mountRootfs() {
      if (isHostView(store, row)) checkHostView(maps);
      // Of the host's own files everybody keeps what is theirs.
      else if (!isSame(maps)) return { mount: mountMapped(mapping), parts: [] };
      return mountRootfs(store, row);
    },
    prepare: (tape, { join, ...request }) =>
      planUserNamespace(tape, { maps, streams: config.Tty ? undefined : { stdin: config.OpenStdin }, ...request }, join),
    writeIds(monitor, pid) {
      writeIdMaps(pid, maps);
      monitor.word();
    },
    [Symbol.dispose]: () => namespace?.close(),
  };
}

/** The view's own layers are the user's. */
function checkHostView({ uidMaps, gidMaps }: IdMaps): void {
  if ([uidMaps, gidMaps].every((maps) => maps.some(({ hostID }) => hostID === 0))) return;
  throw new HoyError("--userns auto with --rootfs / is for root alone: your own ids are not in the container", {
    status: 400,
    hint: "--userns keep-id keeps them",
  });
}

function mountMapped(mapping: Mapping): Fd {
  const { store, row, maps } = mapping;
  const lowers = layersBelow(store, row);
  const own = ownLayer(store, row);
  if (row.started === 0) giveUpper(join(dataFolder(store, row.id), "upper"), lowers, maps);
  const mapped = mountWithMap({ ...lowers, ...own }, mapping);
  if (mapped) return mapped;
  if (own.scratch !== undefined)
    throw new HoyError(`--userns with --rootfs ${row.options.rootfs}: this kernel's overlay cannot map its ids`);
  const copy = copyOf(store, row, { lowers, owners: shift(maps) });
  return mountOverlay({ lowers: [copy], links: ["mapped"], folder: dataFolder(store, row.id), ...own });
}

/** The root of an overlay is its upper's. */
function giveUpper(upper: string, { lowers }: Lowers, maps: IdMaps): void {
  const { uid, gid } = shift(maps)(statSync(lowers[0] as string));
  chownSync(upper, uid, gid);
}

interface Mapping {
  store: Store;
  row: ContainerRow;
  maps: IdMaps;
  owner: Owner;
  /** For mounts that show its ids; undefined where there can be none, or need not be. */
  namespace: Fd | undefined;
}

function mountWithMap(overlay: Overlay, { store, row, owner, namespace }: Mapping): Fd | undefined {
  if (!namespace) return undefined;
  const single = overlay.folder !== join(store.root, "layers");
  const place = join(dataFolder(store, row.id), "lower");
  if (single) mkdirSync(place, { recursive: true, mode: 0o700 });
  try {
    return mountOverlay({ ...overlay, idMap: { namespace, root: owner, ...(single ? { place } : {}) } });
  } catch (error) {
    if (cannotMap(error)) return undefined;
    throw error;
  }
}

/** Copies the layers, as one, to where they belong to the container's ids. It appears by rename. */
function copyOf(store: Store, row: ContainerRow, { lowers, owners }: { lowers: Lowers; owners: Owners }): string {
  const data = dataFolder(store, row.id);
  const done = join(data, "mapped");
  if (existsSync(done)) return done;
  const making = join(data, "mapping");
  removeTree(making);
  mkdirSync(making, { mode: 0o700 });
  using from = openLayers(store, lowers);
  using source = openAt(from.number, ".", O_RDONLY | O_DIRECTORY);
  using target = open(making, O_RDONLY | O_DIRECTORY);
  copyFolder(source.number, target.number, owners);
  renameSync(making, done);
  return done;
}

/** The layers with the ids that their files have, to be read. */
function openLayers(store: Pick<Store, "rootless">, lowers: Lowers): Fd {
  const [only, ...others] = lowers.lowers;
  if (others.length === 0) return open(resolve(only as string), O_RDONLY | O_DIRECTORY);
  return mountOverlay({ ...lowers, userxattr: store.rootless });
}
