/** Mounts that hoy makes itself, detached, before the container's first process is there: it attaches them by descriptor. */
import type { Fd } from "../../../ffi/fd.ts";
import { PRESERVED } from "../../../ffi/player.ts";
import type { Mount, Spec } from "../../spec/runtime.ts";
import { parseMountOptions } from "../plan/mount-options.ts";
import { copyMount } from "../user-namespace.ts";
import type { Bundle } from "./bundle.ts";
import { copyUp } from "./copy-up.ts";
import { isMapped, mapMount } from "./idmap-mount.ts";

export interface ReadyMounts extends Disposable {
  /** In the order in which spawnPlayer gets them. */
  readonly fds: readonly Fd[];
  /** Their numbers in the player. */
  readonly numbers: ReadonlyMap<Mount, number>;
}

/** Root of the container's user namespace may not walk to a source in a folder that is closed to it: root of ours binds it. */
const needsOurRights = ({ linux }: Spec): boolean =>
  process.geteuid?.() === 0 && (linux?.namespaces?.some(({ type }) => type === "user") ?? false);

function makeReady(bundle: Pick<Bundle, "spec" | "rootfs">, mount: Mount): Fd | undefined {
  if (isMapped(mount)) return mapMount(bundle.spec, mount);
  const options = parseMountOptions(mount.destination, mount.options ?? []);
  if (options.copyUp) return copyUp(bundle, mount);
  const binds = options.bind || mount.type === "bind";
  return binds && needsOurRights(bundle.spec) ? copyMount(mount.source ?? "", options.recursive) : undefined;
}

/** Makes what no tape can; `preserved` is how many descriptors of the caller's lie before them. Throws HoyError, SysError. */
export function prepareMounts(bundle: Pick<Bundle, "spec" | "rootfs">, preserved: number): ReadyMounts {
  const fds: Fd[] = [];
  const numbers = new Map<Mount, number>();
  const dispose = (): void => {
    for (const fd of fds) fd.close();
  };
  try {
    for (const mount of bundle.spec.mounts ?? []) {
      const made = makeReady(bundle, mount);
      if (!made) continue;
      numbers.set(mount, PRESERVED + preserved + fds.length);
      fds.push(made);
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return { fds, numbers, [Symbol.dispose]: dispose };
}
