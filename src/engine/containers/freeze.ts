/**
 * Stops the processes of a running container for a while, as `commit` does. A file in the run folder, locked meanwhile, tells of it: a
 * hoy that is killed leaves the container frozen, and the next command finds the lock free and lets it go.
 */
import { join } from "node:path";
import type { Fd } from "../../../ffi/fd.ts";
import { existsSync, readFileSync, rmSync, writeFileSync } from "../../../ffi/fs.ts";
import type { CgroupPlan } from "../../runtime/cgroup/plan.ts";
import { tryLockPath } from "../../state/lock.ts";
import type { Store } from "../../state/store.ts";
import { containerCgroup } from "./cgroup.ts";
import { type ContainerRow, runFolder } from "./row.ts";

/** The file that tells of it. */
export const frozenMark = (store: Pick<Store, "run">, id: string): string => join(runFolder(store, id), "frozen");

const PATIENCE_MS = 10_000;
const STEP_MS = 2;

/**
 * Freezes the container until the result is disposed of. Undefined where it could not be: it has no cgroup, somebody else holds it
 * frozen, or the kernel did not answer in time.
 */
export function freezeForNow(store: Store, row: ContainerRow): Disposable | undefined {
  const { freeze } = containerCgroup(store, row);
  if (!freeze || !existsSync(freeze.path) || isFrozen(freeze)) return undefined;
  const path = frozenMark(store, row.id);
  const mark = tryLockPath(path);
  if (!mark) return undefined;
  const letGo = (): void => thaw(freeze, mark, path);
  const onSignal = (signal: NodeJS.Signals): void => {
    letGo();
    process.exit(128 + (SIGNALS[signal] ?? 0));
  };
  for (const signal of Object.keys(SIGNALS)) process.once(signal, onSignal);
  const release = (): void => {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
    letGo();
  };
  for (const deadline = Date.now() + PATIENCE_MS; !isFrozen(freeze); Bun.sleepSync(STEP_MS)) {
    if (Date.now() > deadline) {
      release();
      return undefined;
    }
    // v1 may fall back from FREEZING when a process is being made: it is asked again
    writeFileSync(freeze.path, freeze.on);
  }
  return { [Symbol.dispose]: release };
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/** Lets go what a dead process left frozen. Costs a look when there is nothing. */
export function thawLeftover(store: Store, row: ContainerRow): void {
  const path = frozenMark(store, row.id);
  if (!existsSync(path)) return;
  const mark = tryLockPath(path);
  const { freeze } = containerCgroup(store, row);
  if (mark) thaw(freeze, mark, path);
}

function thaw(freeze: CgroupPlan["freeze"], mark: Fd, path: string): void {
  try {
    if (freeze && existsSync(freeze.path)) writeFileSync(freeze.path, freeze.off);
  } catch {
    // it has ended, and its cgroup with it
  }
  rmSync(path, { force: true });
  mark.close();
}

/** v2 tells of it in cgroup.events (Documentation/admin-guide/cgroup-v2.rst), v1 in the file itself. */
function isFrozen({ path, on }: NonNullable<CgroupPlan["freeze"]>): boolean {
  try {
    if (!path.endsWith("/cgroup.freeze")) return readFileSync(path, "latin1").trim() === on;
    return readFileSync(path.replace(/freeze$/, "events"), "latin1").includes("frozen 1");
  } catch {
    return false; // the cgroup is gone
  }
}
