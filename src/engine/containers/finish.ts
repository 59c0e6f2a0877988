/** What follows a container's end: its exit is recorded, cgroup, network and run files go, and with --rm the container itself. */

import { join } from "node:path";
import { rmSync } from "../../../ffi/fs.ts";
import { oomKilled, removeCgroup } from "../../runtime/cgroup/act.ts";
import { forThisBoot, type Store } from "../../state/store.ts";
import { type Exit, readExit } from "./alive.ts";
import { containerCgroup } from "./cgroup.ts";
import { deleteContainer } from "./delete.ts";
import { recordContainer } from "./events.ts";
import { releaseNetwork } from "./network.ts";
import { restartOf } from "./restart-policy.ts";
import { type ContainerRow, runFolder } from "./row.ts";
import { killStrays } from "./strays.ts";

export { type Exit, isAlive, readExit } from "./alive.ts";

const SIGKILL_CODE = 137;

/** Brings the row and the kernel in order after the end. The caller holds the container's lock; its program has ended. */
export async function finishContainer(store: Store, row: ContainerRow): Promise<Exit> {
  forThisBoot(store);
  const exit = readExit(store, row.id) ?? { code: SIGKILL_CODE, time: Date.now() };
  if (row.options.runtime) (await import("./other-runtime.ts")).deleteFromRuntime(store, row);
  const cgroup = containerCgroup(store, row);
  const oom = oomKilled(cgroup);
  removeCgroup(cgroup);
  killStrays(store, row);
  await releaseNetwork(store, row);
  // another runtime has run them with its delete
  if (row.options.hostConfig.DeviceRequests?.length && !row.options.runtime) await (await import("./hooks.ts")).runPoststop(store, row);
  if (row.autoRemove) {
    await deleteContainer(store, row, { exit, volumes: true });
    return exit;
  }
  const next = restartOf(row, exit.code, exit.time);
  row.state = next === undefined ? "exited" : "restarting";
  if (next !== undefined) row.restartCount++;
  row.restartDelay = next ?? row.restartDelay;
  row.exitCode = exit.code;
  row.finished = exit.time;
  row.oomKilled = oom;
  row.pid = 0;
  store.db
    .transaction(() => {
      const { changes } = store.db
        .query(
          "UPDATE containers SET state = ?, pid = 0, exit_code = ?, finished = ?, oom_killed = ?, restart_count = ?, restart_delay = ? WHERE id = ? AND state = 'running'",
        )
        .run(row.state, exit.code, exit.time, oom ? 1 : 0, row.restartCount, row.restartDelay, row.id);
      if (changes > 0) recordContainer(store, row, "die", { exitCode: String(exit.code) });
    })
    .immediate();
  for (const name of ["pid", "attach.sock", "paused"]) rmSync(join(runFolder(store, row.id), name), { force: true });
  return exit;
}
