/** This process, to systemd: whose manager is ours, and how it gets out of a login session's cgroup, which is root's. */
import { readFileSync } from "node:fs";
import { HoyError } from "../../spec/error.ts";
import { type CgroupHost, detectCgroupsAnew, giveUpOutside } from "../cgroup/host.ts";
import { Manager } from "./manager.ts";
import { scopeProperties } from "./properties.ts";
import { defaultSlice } from "./unit.ts";

/** Our user's id on the host, from the map of the user namespace that we are in (user_namespaces(7)). */
export function outerId(map = readFileSync("/proc/self/uid_map", "latin1"), inside = process.geteuid?.() ?? 0): number {
  for (const line of map.trim().split("\n")) {
    const [first = 0, outer = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (inside >= first && inside < first + count) return outer + inside - first;
  }
  return inside;
}

/**
 * The machine's manager for root, and the user's own; undefined where none can be reached, or where what we may write to is not what
 * it has (in a container of its host's, in a cgroup that was delegated otherwise).
 */
export function managerOf({ v2 }: CgroupHost, rootless: boolean): Manager | undefined {
  if (!v2?.base) return undefined;
  const user = rootless ? outerId() : undefined;
  const itsOwn = user === undefined ? v2.base === v2.mountpoint : v2.base.endsWith(`/user@${user}.service`);
  return itsOwn ? Manager.open(user) : undefined;
}

/**
 * The cgroups in which this process may start others. From a login session the kernel lets nobody be moved into what the user's
 * manager has: the manager is asked to take this process in, in a scope of its own that ends with it. Where it does not, there are
 * no cgroups for an ordinary user, as without systemd.
 */
export function enterDelegation(): CgroupHost {
  using manager = Manager.open(outerId());
  if (!manager) return giveUpOutside();
  const unit = `hoy-cli-${process.pid}-${crypto.randomUUID().slice(0, 8)}.scope`;
  try {
    const properties = scopeProperties({
      description: "hoy, on its way to start a container",
      slice: defaultSlice(true),
      pid: process.pid,
    });
    manager.startScope(unit, properties).wait();
  } catch (error) {
    if (!(error instanceof HoyError)) throw error;
    return giveUpOutside();
  }
  const host = detectCgroupsAnew();
  return host.v2?.outside ? giveUpOutside() : host;
}
