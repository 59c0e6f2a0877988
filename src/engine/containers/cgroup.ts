/** Where a container's cgroups lie. */
import { detectCgroups } from "../../runtime/cgroup/host.ts";
import { type CgroupPlan, locateCgroup } from "../../runtime/cgroup/plan.ts";
import type { Store } from "../../state/store.ts";
import type { ContainerRow } from "./row.ts";

/** `--cgroup-parent`, else the store's own. */
export const cgroupParent = (store: Pick<Store, "name">, { options }: Pick<ContainerRow, "options">): string =>
  options.hostConfig.CgroupParent || store.name;

export const containerCgroup = (store: Pick<Store, "name">, row: Pick<ContainerRow, "id" | "options">): CgroupPlan =>
  locateCgroup(detectCgroups(), cgroupParent(store, row), row.id);
