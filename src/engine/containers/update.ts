/** `update`: other limits for a container, at once where it runs, and for its later starts. */
import { detectCgroups } from "../../runtime/cgroup/host.ts";
import { askedOrLifted } from "../../runtime/cgroup/limits.ts";
import { planUpdate } from "../../runtime/cgroup/plan.ts";
import { updateCgroup } from "../../runtime/cgroup/update.ts";
import { leaveToSystemd } from "../../runtime/systemd/host.ts";
import { HoyError, notFound } from "../../spec/error.ts";
import type { Store } from "../../state/store.ts";
import { containerPlace } from "./cgroup.ts";
import { checkResources } from "./check-resources.ts";
import { blockDeviceNumbers } from "./devices.ts";
import { recordContainer } from "./events.ts";
import { guardContainer } from "./guard.ts";
import { hostCpus, onlineCpus, onlineNodes } from "./host-resources.ts";
import type { HostConfig, LimitConfig } from "./options.ts";
import { invalid } from "./parse/invalid.ts";
import { type ContainerRow, rowById } from "./row.ts";
import { openProcess } from "./signal.ts";
import { resources } from "./spec-resources.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";
import { changedLimits, mergeLimits } from "./update-limits.ts";

export interface UpdateRequest {
  change: LimitConfig;
  /** The restart policy; undefined leaves it as it is. */
  policy?: HostConfig["RestartPolicy"] | undefined;
}

/** Throws HoyError; all limits are as they were then. */
export async function updateContainer(store: Store, id: string, request: UpdateRequest): Promise<void> {
  updateGuarded(store, id, request);
  await sweepSometimes(store);
}

function updateGuarded(store: Store, id: string, { change, policy }: UpdateRequest): void {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  if (!row) throw notFound("container", id);
  try {
    if (policy && policy.Name !== "no" && row.autoRemove)
      throw invalid("Restart policy cannot be updated because AutoRemove is enabled for the container");
    const hostConfig = { ...mergeLimits(row.options.hostConfig, change), ...(policy ? { RestartPolicy: policy } : {}) };
    checkResources(hostConfig, { hostCpus: hostCpus(), onlineCpus, onlineNodes });
    using process = openProcess(store, row);
    if (process) writeLimits(store, row, { merged: hostConfig, change });
    row.options = { ...row.options, hostConfig };
  } catch (error) {
    if (!(error instanceof HoyError)) throw error;
    const { message, hint, status } = error;
    throw new HoyError(`Cannot update container ${id}: ${message}`, { status, cause: error, ...(hint === undefined ? {} : { hint }) });
  }
  store.db
    .transaction(() => {
      store.db.query("UPDATE containers SET options = ? WHERE id = ?").run(JSON.stringify(row.options), id);
      recordContainer(store, row, "update");
    })
    .immediate();
}

function writeLimits(store: Store, row: ContainerRow, { merged, change }: { merged: LimitConfig; change: LimitConfig }): void {
  const { parent, id, scope } = containerPlace(store, row);
  const request = {
    parent,
    id,
    resources: resources(changedLimits(merged, change), blockDeviceNumbers),
    rootless: store.rootless,
  };
  const all = planUpdate(detectCgroups(), request, askedOrLifted);
  const plan = scope === undefined ? all : leaveToSystemd(all, scope);
  // A kernel that does not count swap has nothing to change where nobody asked for that.
  const limits = plan.limits.map((write) => (write.subject === "swap" && change.MemorySwap === 0 ? { ...write, missingOk: true } : write));
  updateCgroup({ ...plan, limits });
}
