/** Every command that changes something sweeps, at most every few seconds. */

import { join } from "node:path";
import { statSync, writeFileSync } from "../../../ffi/fs.ts";
import type { Store } from "../../state/store.ts";

const EVERY_MS = 5000;

/** Sweeps if nobody did for some seconds. */
export async function sweepSometimes(store: Store): Promise<void> {
  const mark = join(store.run, "swept");
  const last = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - last < EVERY_MS) return;
  writeFileSync(mark, "");
  const { sweep } = await import("./sweep.ts");
  await sweep(store);
}
