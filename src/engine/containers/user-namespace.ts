/**
 * The ids of a container's own user namespace (`--userns auto`, `keep-id`), given when it is made and its own until it is removed:
 * podman's rules (containers/storage userns.go, podman pkg/util GetKeepIDMapping). Loaded only when it is asked for.
 */
import { O_DIRECTORY, O_PATH, open } from "../../../ffi/fd.ts";
import { existsSync, readFileSync } from "../../../ffi/fs.ts";
import { allocateIds, type IdMaps, type IdRange, keepIdMap } from "../../runtime/id-maps.ts";
import { parseRanges } from "../../runtime/idmap.ts";
import { readInRoot } from "../../runtime/inroot.ts";
import { HoyError } from "../../spec/error.ts";
import type { IDMapping } from "../../spec/runtime.ts";
import { hintForMoreIds } from "../../state/own-ids.ts";
import { hostUid, type Store } from "../../state/store.ts";
import { layerPaths } from "../../storage/layers.ts";
import type { ContainerOptions } from "./options.ts";
import { type UserNamespace, userNamespace } from "./parse/userns.ts";

type Kind = "uid" | "gid";

export interface IdGiver {
  /** `--user` where none was given: with keep-id, the user that was kept. */
  user?: string;
  /** Gives the ids to the container, whose row is there. Call it in a transaction. Throws HoyError. */
  give(store: Store, id: string): IdMaps;
}

/** The least and the most that `auto` gives by itself, and whose ranges it gives as root (containers-storage.conf(5)). */
const LEAST = 1024;
const MOST = 65536;
const OWNER = "containers";

/** Undefined for a container in the namespace that hoy is in. Throws HoyError. */
export function planIds(store: Store, options: ContainerOptions, imageId: string | undefined): IdGiver | undefined {
  const asked = userNamespace(options.hostConfig.UsernsMode);
  if (!asked) return undefined;
  if (asked.kind === "keep-id") return keepIds(store, asked);
  const size = asked.size || sizeFor(store, options, imageId);
  return { give: (_, id) => giveAuto(store, { id, size, asked }) };
}

function keepIds(store: Store, { uid: askedUid, gid: askedGid }: Extract<UserNamespace, { kind: "keep-id" }>): IdGiver {
  const uid = askedUid ?? hostUid();
  const gid = askedGid ?? callerGid();
  const maps = store.rootless
    ? { uidMaps: keepIdMap(uid, ownCount("uid")), gidMaps: keepIdMap(gid, ownCount("gid")) }
    : { uidMaps: present("uid"), gidMaps: present("gid") };
  return { user: `${uid}:${gid}`, give: () => maps };
}

/** What /proc/self/{uid,gid}_map says: [first id here, first id outside, count]. */
const ownMap = (kind: Kind): [number, number, number][] =>
  readFileSync(`/proc/self/${kind}_map`, "latin1")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);

/** Root has the ids that there are: they become those of a namespace of its own. */
const present = (kind: Kind): IDMapping[] => ownMap(kind).map(([first, , count]) => ({ containerID: first, hostID: first, size: count }));

/** The group of who called hoy, as the host has it. */
const callerGid = (): number => ownMap("gid").find(([first]) => first === 0)?.[1] ?? 0;

/** How many ids an ordinary user has besides the own one. */
const ownCount = (kind: Kind): number => ownMap(kind).reduce((sum, [, , count]) => sum + count, -1);

interface Auto {
  id: string;
  size: number;
  asked: Extract<UserNamespace, { kind: "auto" }>;
}

function giveAuto(store: Store, { id, size, asked }: Auto): IdMaps {
  if (size > MOST && !asked.size)
    throw new HoyError(`--userns auto: the container needs ${size} ids, and gets ${MOST} at most by itself`, {
      status: 400,
      hint: `--userns auto:size=${size}`,
    });
  const map = (kind: Kind, chosen: readonly IDMapping[]): IDMapping[] => {
    const used = store.db.query("SELECT start, size FROM id_ranges WHERE kind = ?").all(kind) as IdRange[];
    const maps = allocateIds({ size, available: availableIds(store, kind), used, chosen });
    if (!maps) throw tooFew(store, kind, size);
    const take = store.db.query("INSERT INTO id_ranges(container_id, kind, start, size) VALUES (?, ?, ?, ?)");
    for (const { hostID, size: count } of maps) take.run(id, kind, hostID, count);
    return maps;
  };
  return { uidMaps: map("uid", asked.uidMappings), gidMaps: map("gid", asked.gidMappings) };
}

const rangesFile = (kind: Kind): string => `/etc/sub${kind}`;

/** Root gives of the ranges of the user `containers`, an ordinary user of those that are its own; its own id stays its own. */
function availableIds(store: Store, kind: Kind): IdRange[] {
  if (store.rootless)
    return ownMap(kind).flatMap(([first, , count]) =>
      first > 0 ? [{ start: first, size: count }] : count > 1 ? [{ start: 1, size: count - 1 }] : [],
    );
  const file = rangesFile(kind);
  const ranges = parseRanges(existsSync(file) ? readFileSync(file, "utf8") : "", { uid: Number.NaN, name: OWNER });
  return ranges.map(({ start, count }) => ({ start, size: count }));
}

function tooFew(store: Store, kind: Kind, size: number): HoyError {
  const file = rangesFile(kind);
  if (store.rootless)
    return new HoyError(`--userns auto: your user namespace has not ${size} ${kind}s left`, { status: 400, hint: hintForMoreIds() });
  if (availableIds(store, kind).length === 0)
    return new HoyError(`--userns auto: ${file} has no range for the user ${OWNER}, of which ids are given`, {
      status: 400,
      hint: `echo ${OWNER}:2147483647:2147483648 >> ${file}`,
    });
  return new HoyError(`--userns auto: the ranges of the user ${OWNER} in ${file} have not ${size} ids left`, {
    status: 400,
    hint: "remove containers, ask for fewer with --userns auto:size=N, or give that user a larger range",
  });
}

/** As many as the users and groups need that the image knows, and the container's own (podman's heuristic: files are not looked at). */
function sizeFor(store: Store, { rootfs, config }: ContainerOptions, imageId: string | undefined): number {
  const layers = imageId === undefined ? [rootfs ?? "/"] : layerPaths(store, imageId).folders;
  const files = ["etc/passwd", "etc/group"].map((name) => topmost(layers, name));
  const own = config.User.split(":").filter((word) => /^\d+$/.test(word));
  return Math.max(LEAST, ...files.flatMap(idsOf), ...own.map((word) => Number(word) + 1));
}

const MAX_FILE = 4 << 20;

function topmost(layers: readonly string[], name: string): string {
  for (const layer of layers) {
    using folder = open(layer, O_PATH | O_DIRECTORY);
    const found = readInRoot(folder.number, name, MAX_FILE);
    if (found) return found.toString("utf8");
  }
  return "";
}

/** How many ids each line of passwd(5) or group(5) takes; those of nobody would take all. */
const idsOf = (text: string): number[] =>
  text.split("\n").flatMap((line) => {
    const [name = "", , ...ids] = line.split(":");
    if (name === "nobody" || name === "nogroup") return [];
    return ids.slice(0, 2).flatMap((id) => (/^\d{1,10}$/.test(id) ? [Number(id) + 1] : []));
  });
