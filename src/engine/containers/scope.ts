/**
 * Starts a container in a scope of systemd's (cgroup v2), so that systemd knows of it: `systemctl status` shows it, and nobody but us
 * writes to its cgroup. An ordinary user's manager has CPU, memory and process limits to give. Loaded only where systemd runs.
 *
 *     <slice>/hoy-<id>.scope/keeper    a process that keeps the scope until the container is put away: systemd removes one without
 *                                      processes at once, and with it the count of those that were killed for want of memory
 *     <slice>/hoy-<id>.scope/payload   the container with its limits, in plain files: what is below a scope that was delegated
 *                                      systemd never writes to, also when it is reloaded
 */

import { join } from "node:path";
import { existsSync, mkdirSync, writeFileSync } from "../../../ffi/fs.ts";
import type { CgroupHost } from "../../runtime/cgroup/host.ts";
import { type CgroupPlan, planCgroup } from "../../runtime/cgroup/plan.ts";
import { leaveToSystemd } from "../../runtime/systemd/host.ts";
import { Keeper } from "../../runtime/systemd/keeper.ts";
import type { Job, Manager } from "../../runtime/systemd/manager.ts";
import { accountingProperties, INFINITY, type Property, scopeProperties } from "../../runtime/systemd/properties.ts";
import { managerOf } from "../../runtime/systemd/self.ts";
import { slicePath } from "../../runtime/systemd/unit.ts";
import { variant } from "../../runtime/systemd/wire.ts";
import { HoyError } from "../../spec/error.ts";
import type { Resources } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import { insideScope, KEEPER, type ScopePlace, scopePlace, scopeRemoval } from "./cgroup.ts";
import type { ContainerRow } from "./row.ts";

export interface Scope {
  readonly place: ScopePlace;
  plan(host: CgroupHost, limits: { store: Store; resources: Resources | undefined }): CgroupPlan;
  /** Waits until its cgroup is there and can be divided. Throws HoyError. */
  ready(): void;
  undo(): void;
}

/** Asks for a container's scope and returns at once; undefined where no systemd answers. Throws HoyError for a bad `--cgroup-parent`. */
export function beginScope(host: CgroupHost, store: Store, row: ContainerRow): Scope | undefined {
  const parent = row.options.hostConfig.CgroupParent;
  if (parent.endsWith(".slice") && !parent.includes("/")) slicePath(parent);
  const place = scopePlace(host, store, row);
  if (!place) return undefined;
  const manager = managerOf(host, store.rootless);
  if (!manager) return undefined;
  const keeper = Keeper.spawn(`hoy-scope ${row.id.slice(0, 12)}`);
  return new ScopeUnderWay(place, manager, keeper, manager.startScope(place.unit, propertiesOf(row, place, keeper.pid)));
}

const propertiesOf = ({ id, name }: ContainerRow, { slice }: ScopePlace, pid: number): Property[] => [
  ...scopeProperties({ description: `hoy container ${name} (${id.slice(0, 12)})`, slice, pid }),
  ...accountingProperties(2),
  // the limits are the payload's; systemd would have one of its own for all units
  ["TasksMax", variant("t", INFINITY)],
  // one that failed is forgotten, or its name could not be used again
  ["CollectMode", variant("s", "inactive-or-failed")],
];

class ScopeUnderWay implements Scope {
  constructor(
    readonly place: ScopePlace,
    readonly manager: Manager,
    readonly keeper: Keeper,
    readonly job: Job,
  ) {}

  plan(host: CgroupHost, { store, resources }: { store: Store; resources: Resources | undefined }): CgroupPlan {
    const { folder } = this.place;
    const request = { ...insideScope(this.place), store: store.name, resources, rootless: store.rootless };
    const plan = leaveToSystemd(planCgroup(host, request), folder);
    // systemd has made what is above
    return { ...plan, above: plan.above?.map((shared) => ({ ...shared, parents: [] })) ?? [], ...scopeRemoval(folder) };
  }

  ready(): void {
    using _manager = this.manager;
    this.job.wait();
    // v2 hands no controllers down where processes are
    const { folder, unit } = this.place;
    if (!existsSync(folder)) throw new HoyError(`systemd started ${unit}, but not with the cgroup ${folder}`);
    const own = join(folder, KEEPER);
    mkdirSync(own);
    writeFileSync(join(own, "cgroup.procs"), String(this.keeper.pid));
    this.keeper.stay();
  }

  undo(): void {
    this.keeper[Symbol.dispose]();
    this.manager[Symbol.dispose]();
  }
}
