/** Stops the processes of a running container for a while, as `commit` does. */
import { readFileSync, rmSync, writeFileSync } from "../../../ffi/fs.ts";
import { tryLockPath } from "../../state/lock.ts";
import type { Store } from "../../state/store.ts";
import { containerCgroup } from "./cgroup.ts";
import { type Freezer, frozenMark, thaw } from "./frozen-for-now.ts";
import type { ContainerRow } from "./row.ts";

const PATIENCE_MS = 10_000;
const STEP_MS = 2;
const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 };

/**
 * Freezes the container until the result is disposed of. Undefined where it could not be: it has no cgroup, somebody else holds it
 * frozen, or the kernel did not answer in time.
 */
export function freezeForNow(store: Store, row: ContainerRow): Disposable | undefined {
  const { freeze } = containerCgroup(store, row);
  if (!freeze || stands(freeze) !== "going") return undefined;
  const mark = frozenMark(store, row.id);
  const lock = tryLockPath(mark);
  if (!lock) return undefined;
  writeFileSync(mark, `${JSON.stringify(freeze)}\n`);
  const letGo = (): void => {
    thaw(freeze);
    rmSync(mark, { force: true });
    lock.close();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    letGo();
    process.exit(128 + (SIGNALS[signal] ?? 0));
  };
  for (const signal of Object.keys(SIGNALS)) process.once(signal, onSignal);
  const release = (): void => {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
    letGo();
  };
  for (const deadline = Date.now() + PATIENCE_MS; ; Bun.sleepSync(STEP_MS)) {
    // v1 may fall back from FREEZING when a process is being made: it is asked again
    writeFileSync(freeze.path, freeze.on);
    const now = stands(freeze);
    if (now === "frozen") return { [Symbol.dispose]: release };
    if (now === "going" && Date.now() < deadline) continue;
    release();
    return undefined;
  }
}

/** v2 tells of it in cgroup.events (Documentation/admin-guide/cgroup-v2.rst), v1 in the file itself. */
function stands({ path, on }: Freezer): "frozen" | "going" | "gone" {
  try {
    const isV2 = path.endsWith("/cgroup.freeze");
    const text = readFileSync(isV2 ? path.replace(/freeze$/, "events") : path, "latin1");
    return (isV2 ? text.includes("frozen 1") : text.trim() === on) ? "frozen" : "going";
  } catch {
    return "gone";
  }
}
