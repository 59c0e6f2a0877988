/**
 * Cleaning up after processes that were killed: containers whose monitor is gone, starts that were cut off, folders and cgroups
 * without a row.
 */

import { join } from "node:path";
import { existsSync, readdirSync } from "../../../ffi/fs.ts";
import { releaseEndpoints } from "../../network/leases.ts";
import { removeCgroup } from "../../runtime/cgroup/act.ts";
import { detectCgroups } from "../../runtime/cgroup/host.ts";
import { sweepCgroups } from "../../runtime/cgroup/sweep.ts";
import type { Store } from "../../state/store.ts";
import { sweepTemporary } from "../../storage/lease.ts";
import { removeTree } from "../../storage/remove.ts";
import { sweepVolumes } from "../volumes/sweep.ts";
import { containerCgroup, scopeRemoval, scopesOf } from "./cgroup.ts";
import { deleteContainer } from "./delete.ts";
import { finishContainer, isAlive } from "./finish.ts";
import { thawLeftover } from "./frozen-for-now.ts";
import { tryGuardContainer } from "./guard.ts";
import { releaseNetwork } from "./network.ts";
import { type ContainerRow, dataFolder, ROW_COLUMNS, type RowState, rowById, runFolder, STATES, toRow } from "./row.ts";
import { removeRunFolder, sweepRunFolders } from "./run-folder.ts";
import { killStrays } from "./strays.ts";
import { launchWaiter, launchWaiters } from "./waiter.ts";

const ID_LENGTH = 64;

export async function sweep(store: Store): Promise<void> {
  const rows = store.db
    .query("SELECT id FROM containers WHERE state IN ('running', 'starting') OR (auto_remove = 1 AND state = 'exited')")
    .all() as { id: string }[];
  for (const { id } of rows) await settleContainer(store, id);
  launchWaiters(store);
  sweepFolders(store);
  sweepRunFolders(store);
  sweepVolumes(store);
  await sweepKernel(store);
  sweepTemporary(store);
}

/** Brings one container in order, unless somebody is at it. */
export async function settleContainer(store: Store, id: string): Promise<void> {
  if (isAlive(store, id)) {
    thawLeftover(store, id);
    return;
  }
  using guard = tryGuardContainer(store, id);
  const row = guard && rowById(store, id);
  if (!row || isAlive(store, id)) return;
  if (row.state === "running") {
    await finishContainer(store, row);
    if (row.state === ("restarting" as RowState)) launchWaiter(store, row);
  } else if (row.state === "starting") await undoStart(store, row);
  // a restart that was cut off after its stop
  else if (row.autoRemove && row.state === "exited") deleteContainer(store, row, { volumes: true });
}

/** A first start that was cut off: the program never ran. With --rm the container is removed. The caller holds its lock. */
export async function undoStart(store: Store, row: ContainerRow): Promise<void> {
  if (row.options.runtime) (await import("./other-runtime.ts")).deleteFromRuntime(store, row);
  removeCgroup(containerCgroup(store, row));
  killStrays(store, row);
  await releaseNetwork(store, row);
  if (row.autoRemove) await deleteContainer(store, row, { volumes: true });
  else store.db.query("UPDATE containers SET state = 'created' WHERE id = ? AND state = 'starting'").run(row.id);
}

/** What containers without a row have of the kernel's, and those whose later start was cut off. */
async function sweepKernel(store: Store): Promise<void> {
  using held = new DisposableStack();
  const mine = new Set<string>();
  // Whether the container runs, or somebody is at it. If not, nobody shall begin until we are through.
  const inUse = (whole: string): boolean => {
    const id = whole.slice(0, 12); // the name of its run folder
    if (mine.has(id)) return false;
    if (isAlive(store, id)) return true;
    // No folder of a container that is gone is made for the question.
    if (existsSync(runFolder(store, id)) || existsSync(dataFolder(store, whole))) {
      const guard = tryGuardContainer(store, id);
      if (!guard) return true;
      held.use(guard);
      if (isAlive(store, id)) return true;
    }
    mine.add(id);
    return false;
  };
  await sweepRuntimes(store, inUse);
  sweepCgroups(detectCgroups(), store.name, inUse);
  sweepScopes(store, inUse);
  for (const row of rowsWithParent(store)) if (!inUse(row.id)) removeCgroup(containerCgroup(store, row));
  const leases = store.db.query("SELECT DISTINCT container_id AS id FROM endpoints").all() as { id: string }[];
  for (const { id } of leases) if (!inUse(id)) releaseEndpoints(store, id);
  if (store.rootless) await sweepRootlessNetworks(store, inUse);
}

/** Scopes whose keeper is left. */
function sweepScopes(store: Store, inUse: (id: string) => boolean): void {
  const scopes = scopesOf(detectCgroups(), store);
  for (const name of scopes && existsSync(scopes.folder) ? readdirSync(scopes.folder) : []) {
    const id = scopes?.id(name);
    if (id === undefined || inUse(id)) continue;
    removeCgroup(scopeRemoval(`${scopes?.folder}/${name}`));
  }
}

/** Containers whose cgroup lies elsewhere (`--cgroup-parent`): only their rows tell where. */
const rowsWithParent = (store: Store): ContainerRow[] =>
  store.db.query(`SELECT ${ROW_COLUMNS} FROM containers WHERE json_extract(options, '$.hostConfig.CgroupParent') <> ''`).all().map(toRow);

/** Of containers that do not run, other runtimes have what a start that was cut off has left. */
async function sweepRuntimes(store: Store, inUse: (id: string) => boolean): Promise<void> {
  const folder = join(store.run, STATES);
  if (!existsSync(folder)) return;
  const { deleteFromRuntime } = await import("./other-runtime.ts");
  for (const id of readdirSync(folder)) {
    const row = rowById(store, id);
    if (row?.options.runtime && !inUse(id)) deleteFromRuntime(store, row);
  }
}

async function sweepRootlessNetworks(store: Store, inUse: (id: string) => boolean): Promise<void> {
  const { PID_FILE, stopRootlessNetwork } = await import("../../network/rootless.ts");
  for (const id of readdirSync(join(store.run, "containers")))
    if (existsSync(join(runFolder(store, id), PID_FILE)) && !inUse(id)) stopRootlessNetwork(runFolder(store, id));
}

/** Folders whose row is gone, or was never written. */
function sweepFolders(store: Store): void {
  const known = (id: string): boolean => store.db.query("SELECT 1 FROM containers WHERE id >= ?1 AND id < ?1 || 'g'").get(id) !== null;
  const names = [join(store.root, "containers"), join(store.run, "containers")].flatMap((path) => readdirSync(path));
  for (const id of new Set(names)) {
    if (known(id) || (!existsSync(runFolder(store, id)) && !existsSync(dataFolder(store, id)))) continue;
    using guard = tryGuardContainer(store, id);
    if (!guard || known(id) || isAlive(store, id)) continue;
    if (id.length === ID_LENGTH) removeTree(dataFolder(store, id));
    removeRunFolder(store, id);
  }
}
