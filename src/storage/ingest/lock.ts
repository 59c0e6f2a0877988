/** One lock a layer, over processes: two pulls of the same layer download it once. */
import { fstatSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Fd } from "../../../ffi/fd.ts";
import { tryLockPath } from "../../state/lock.ts";
import type { StorePaths } from "../../state/store.ts";
import { hexOf } from "../content.ts";

const POLL_MS = 50;

/** True when the locked file is still the one with that name: its last holder took the name away. */
function stillNamed(fd: Fd, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.ino === fstatSync(fd.number).ino;
}

/**
 * Takes the lock of the layer with this chain id. It polls in place of waiting in flock, which would stop this process' other
 * downloads. Throws `signal.reason` when that is aborted.
 */
export async function lockLayer(
  store: StorePaths,
  chainId: string,
  { signal, onWait }: { signal: AbortSignal; onWait: () => void },
): Promise<Disposable> {
  const path = join(store.root, "locks", `layer-${hexOf(chainId)}`);
  for (;;) {
    signal.throwIfAborted();
    const fd = tryLockPath(path);
    if (fd && stillNamed(fd, path)) {
      return {
        [Symbol.dispose]() {
          rmSync(path, { force: true });
          fd.close();
        },
      };
    }
    fd?.close();
    onWait();
    await Bun.sleep(POLL_MS);
  }
}
