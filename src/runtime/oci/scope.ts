/** The scope of a container of `hoy runtime --systemd-cgroup`, with the properties that runc gives it. */
import { existsSync } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import type { Resources, Spec } from "../../spec/runtime.ts";
import { deviceList } from "../cgroup/devices.ts";
import { type CgroupHost, detectCgroups } from "../cgroup/host.ts";
import { annotatedProperties } from "../systemd/annotations.ts";
import { deviceProperties } from "../systemd/devices.ts";
import { cgroupVersion } from "../systemd/host.ts";
import { Keeper } from "../systemd/keeper.ts";
import { Manager } from "../systemd/manager.ts";
import { accountingProperties, INFINITY, type Property, resourceProperties, scopeProperties } from "../systemd/properties.ts";
import { outerId } from "../systemd/self.ts";
import { parseUnit, slicePath } from "../systemd/unit.ts";
import { variant } from "../systemd/wire.ts";
import type { ContainerRecord, UnitRecord } from "./record.ts";
import { inUserNamespace } from "./user.ts";

export interface ContainerScope {
  place: NonNullable<ContainerRecord["cgroup"]>;
  /** The container's first process is in it: what it was made with leaves. */
  settle(): void;
  undo(): void;
}

/** Throws HoyError. */
function openManager({ user }: Pick<UnitRecord, "user">): Manager {
  const manager = Manager.open(user);
  if (manager) return manager;
  throw new HoyError(
    user === undefined
      ? "--systemd-cgroup: systemd cannot be reached over D-Bus"
      : "--systemd-cgroup: the systemd manager of this user cannot be reached over D-Bus",
    {
      hint:
        user === undefined
          ? "leave it out where systemd does not run"
          : "it needs XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS of a session, or loginctl enable-linger",
    },
  );
}

/** Asks systemd for the scope of linux.cgroupsPath and waits until its cgroup is there. Throws HoyError. */
export function makeScope(spec: Spec, id: string): ContainerScope {
  const rootless = inUserNamespace();
  const { slice, scope } = parseUnit(spec.linux?.cgroupsPath, id, rootless);
  const unit: UnitRecord = { name: scope, ...(rootless ? { user: outerId() } : {}) };
  const place = { parent: slicePath(slice) || "/", id: scope, unit };
  const host = detectCgroups();
  using manager = openManager(unit);
  const keeper = Keeper.spawn(`hoy-scope ${id}`);
  try {
    const cgroup = cgroupVersion(host);
    manager
      .startScope(scope, [
        ...scopeProperties({ description: `hoy container ${id}`, slice, pid: keeper.pid }),
        ...accountingProperties(cgroup),
        ...resourceProperties(spec.linux?.resources ?? {}, { cgroup, version: manager.version }),
        ...(cgroup === 1 && !rootless ? deviceProperties(deviceList(spec.linux?.resources?.devices ?? [])) : []),
        ...annotatedProperties(spec.annotations),
      ])
      .wait();
    checkPlace(host, place);
  } catch (error) {
    keeper[Symbol.dispose]();
    throw error;
  }
  return {
    place,
    settle: () => keeper[Symbol.dispose](),
    undo: () => {
      keeper[Symbol.dispose]();
      stopScope(unit);
    },
  };
}

/** A manager whose own cgroup is not where we look for it would leave the container without limits. */
function checkPlace({ v1, v2 }: CgroupHost, { parent, id }: ContainerScope["place"]): void {
  const base = v2?.base ?? v1.find(({ name }) => name === "name=systemd")?.base ?? undefined;
  const folder = `${base}${parent === "/" ? "" : parent}/${id}`;
  if (base === undefined || !existsSync(folder))
    throw new HoyError(`systemd started ${id}, but not with the cgroup ${folder}`, {
      hint: "hoy and systemd have to see the same cgroups",
    });
}

/** Nothing of the unit is left. Without a manager there is no unit. */
export function stopScope({ name, user }: UnitRecord): void {
  using manager = Manager.open(user);
  manager?.stop(name);
}

/** Lifts what was not limited before. */
const restored = (before: readonly Property[], changed: readonly Property[]): Property[] =>
  changed.map(([name, { signature }]): Property => {
    const old = before.find(([other]) => other === name);
    if (old) return old;
    return [name, signature === "t" ? variant("t", INFINITY) : variant(signature, [])];
  });

export interface ScopeUpdate {
  before: Resources;
  /** What changes. */
  resources: Resources;
}

/** The unit's properties first, as systemd rounds what it writes; then `write` the exact values. Throws HoyError: both are as they were. */
export function updateScope(unit: UnitRecord, { before, resources }: ScopeUpdate, write: () => void): void {
  using manager = openManager(unit);
  const facts = { cgroup: cgroupVersion(detectCgroups()), version: manager.version };
  const changed = resourceProperties(resources, facts);
  manager.setProperties(unit.name, changed);
  try {
    write();
  } catch (error) {
    manager.setProperties(unit.name, restored(resourceProperties(before, facts), changed));
    throw error;
  }
}
