/** The ids of a container's own user namespace, as data (user_namespaces(7), "User and group ID mappings"). */
import { HoyError } from "../spec/error.ts";
import type { IDMapping } from "../spec/runtime.ts";

export interface IdMaps {
  uidMaps: IDMapping[];
  gidMaps: IDMapping[];
}

/** Ids from `start` on. */
export interface IdRange {
  start: number;
  size: number;
}

/** The id outside of the one inside; undefined where there is none. */
export function outerId(maps: readonly IDMapping[], id: number): number | undefined {
  const found = maps.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return found && found.hostID + id - found.containerID;
}

/** What of `ranges` is in none of `taken`, in order. */
export function without(ranges: readonly IdRange[], taken: readonly IdRange[]): IdRange[] {
  let left = [...ranges];
  for (const { start, size } of taken)
    left = left.flatMap((range) => {
      const before = { start: range.start, size: Math.min(range.size, start - range.start) };
      const from = Math.max(range.start, start + size);
      const after = { start: from, size: range.start + range.size - from };
      return [before, after].filter((part) => part.size > 0);
    });
  return left;
}

export interface Allocation {
  /** How many ids from 0 on the container gets. */
  size: number;
  /** Ids there are to give, in the order in which they are given, and those that others have. */
  available: readonly IdRange[];
  used: readonly IdRange[];
  /** What the user chose: it stands, and the rest is given around it. */
  chosen: readonly IDMapping[];
}

/** The map of a new namespace (containers/storage getAutoUserNSIDMappings); undefined when there are not enough ids left. */
export function allocateIds({ size, available, used, chosen }: Allocation): IDMapping[] | undefined {
  const free = without(available, [...used, ...chosen.map(({ hostID, size: count }) => ({ start: hostID, size: count }))]);
  const wanted = without(
    [{ start: 0, size }],
    chosen.map(({ containerID, size: count }) => ({ start: containerID, size: count })),
  );
  const maps = [...chosen];
  while (wanted.length > 0) {
    const [want, have] = [wanted[0] as IdRange, free[0]];
    if (!have) return undefined;
    const count = Math.min(want.size, have.size);
    maps.push({ containerID: want.start, hostID: have.start, size: count });
    for (const [ranges, range] of [
      [wanted, want],
      [free, have],
    ] as const) {
      if (range.size === count) ranges.shift();
      else ranges[0] = { start: range.start + count, size: range.size - count };
    }
  }
  return maps.sort((a, b) => a.containerID - b.containerID);
}

/**
 * An ordinary user's own id becomes `id`, and the ids that the user has besides are those around it (podman GetKeepIDMapping). `count`
 * is how many there are from 1 on.
 */
export function keepIdMap(id: number, count: number): IDMapping[] {
  const below = Math.min(id, count);
  return [
    ...(below > 0 ? [{ containerID: 0, hostID: 1, size: below }] : []),
    { containerID: id, hostID: 0, size: 1 },
    ...(count > id ? [{ containerID: id + 1, hostID: id + 1, size: count - id }] : []),
  ];
}

/** Throws HoyError for a user or group that the namespace does not have: the kernel says no more than "invalid argument". */
export function checkUser({ uidMaps, gidMaps }: IdMaps, { uid, gid }: { uid: number; gid: number }): void {
  const [kind, id, map] = outerId(uidMaps, uid) === undefined ? (["uid", uid, uidMaps] as const) : (["gid", gid, gidMaps] as const);
  if (outerId(map, id) !== undefined) return;
  const shown = map.map(({ containerID, size }) => (size === 1 ? `${containerID}` : `${containerID}-${containerID + size - 1}`)).join(", ");
  throw new HoyError(`the container's user namespace has no ${kind} ${id}, only ${shown}`, {
    status: 400,
    hint: "--userns auto:size=N gives N ids",
  });
}
