/** Where a container's cgroups lie: in a scope of systemd's, or as plain files below the store's. */
import { existsSync } from "../../../ffi/fs.ts";
import { type CgroupHost, detectCgroups } from "../../runtime/cgroup/host.ts";
import { type CgroupPlan, locateCgroup } from "../../runtime/cgroup/plan.ts";
import { defaultSlice, isSlice, slicePath } from "../../runtime/systemd/unit.ts";
import type { StorePaths } from "../../state/store.ts";
import type { ContainerRow } from "./row.ts";

type Named = Pick<StorePaths, "name" | "rootless">;
type Placed = Pick<ContainerRow, "id" | "options">;

/** The folders in a scope: that of the container, and that of what keeps the scope (scope.ts). */
const PAYLOAD = "payload";
export const KEEPER = "keeper";

/**
 * How a scope goes: with all processes killed and nothing of ours in it, systemd removes its folder. Were that removed by us, systemd
 * would not hear of the scope's end.
 */
export const scopeRemoval = (scope: string): Pick<CgroupPlan, "scope" | "remove"> => ({
  scope,
  remove: [`${scope}/${PAYLOAD}`, `${scope}/${KEEPER}`],
});

/** `--cgroup-parent`, else the store's own. */
export const cgroupParent = (store: Pick<StorePaths, "name">, { options }: Pick<ContainerRow, "options">): string =>
  options.hostConfig.CgroupParent || store.name;

export interface ScopePlace {
  slice: string;
  unit: string;
  /** Of its cgroup. */
  folder: string;
}

/** `hoy` for the stores that everybody has; others have their own names in front, so that each sweeps its own. */
const prefixOf = ({ name }: Pick<StorePaths, "name">): string => (/^hoy(0|-u\d+)$/.test(name) ? "hoy" : name);

const folderOfSlice = (base: string, slice: string): string => `${base}${slicePath(slice)}`;

/** Where its scope is when it has one; undefined where it can have none. */
export function scopePlace({ mode, v2 }: CgroupHost, store: Named, { id, options }: Placed): ScopePlace | undefined {
  if (mode !== "v2" || !v2?.base) return undefined;
  const slice = options.hostConfig.CgroupParent || defaultSlice(store.rootless);
  if (!isSlice(slice)) return undefined;
  const unit = `${prefixOf(store)}-${id}.scope`;
  return { slice, unit, folder: `${folderOfSlice(v2.base, slice)}/${unit}` };
}

/** The ids of a store's scopes in the folder of the default slice, and that folder. */
export function scopesOf({ mode, v2 }: CgroupHost, store: Named): { folder: string; id: (name: string) => string | undefined } | undefined {
  if (mode !== "v2" || !v2?.base) return undefined;
  const pattern = new RegExp(`^${prefixOf(store)}-([0-9a-f]{64})\\.scope$`);
  return { folder: folderOfSlice(v2.base, defaultSlice(store.rootless)), id: (name) => pattern.exec(name)?.[1] };
}

/** The payload inside a scope, as parent and name. */
export const insideScope = ({ slice, unit }: ScopePlace): { parent: string; id: string } => ({
  parent: `${slicePath(slice)}/${unit}`,
  id: PAYLOAD,
});

/** Whichever is there: a scope of systemd's is gone as soon as its container is. */
export function containerPlace(store: Named, row: Placed): { parent: string; id: string; scope: string | undefined } {
  const scope = scopePlace(detectCgroups(), store, row);
  if (scope && existsSync(scope.folder)) return { ...insideScope(scope), scope: scope.folder };
  return { parent: cgroupParent(store, row), id: row.id, scope: undefined };
}

export function containerCgroup(store: Named, row: Placed): CgroupPlan {
  const { parent, id, scope } = containerPlace(store, row);
  const plan = locateCgroup(detectCgroups(), parent, id);
  return scope === undefined ? plan : { ...plan, ...scopeRemoval(scope) };
}
