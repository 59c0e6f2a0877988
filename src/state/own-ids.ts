/** The ids that this process's user namespace has: all of them outside of one (user_namespaces(7)). */
import { readFileSync } from "../../ffi/fs.ts";
import { HoyError } from "../spec/error.ts";
import { userRunFolder } from "./store.ts";

/** What a user can do who needs others. The holder of the namespace has those of the time when it was started. */
export const hintForMoreIds = (): string =>
  `give the user more ids in /etc/subuid and /etc/subgid (65536 is usual), stop the containers, then: kill $(cat ${userRunFolder()}/pause.pid)`;

/** As [first, last]. */
function ranges(kind: "uid" | "gid"): [number, number][] {
  return readFileSync(`/proc/self/${kind}_map`, "latin1")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]) => [first, first + count - 1]);
}

/** Throws HoyError for a user or group that the namespace does not have: the kernel says no more than "invalid argument". */
export function checkIds({ uid, gids }: { uid: number; gids: readonly number[] }): void {
  for (const [kind, ids] of [
    ["uid", [uid]],
    ["gid", gids],
  ] as const) {
    const known = ranges(kind);
    const missing = ids.find((id) => !known.some(([first, last]) => id >= first && id <= last));
    if (missing === undefined) continue;
    const shown = known.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
    throw new HoyError(`your user namespace has no ${kind} ${missing}, only ${shown}`, { status: 400, hint: hintForMoreIds() });
  }
}
