/** Freezing and thawing a container's cgroup (cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst, "cgroup.freeze"). */
import { HoyError } from "../../spec/error.ts";
import { put } from "./act.ts";
import { type Freezer, readWord } from "./frozen.ts";

const STEP_MS = 2;
const PATIENCE_MS = 10_000;

/** v2's own file says what was asked for, `cgroup.events` what is. */
function hasReached({ path, on, off }: Freezer, frozen: boolean): boolean {
  if (!path.endsWith("/cgroup.freeze")) return readWord(path) === (frozen ? on : off);
  return readWord(path.replace(/freeze$/, "events")).includes(`frozen ${frozen ? 1 : 0}`);
}

/** Freezes or thaws it, and waits until every process stands still, or goes on. Throws HoyError; after a failed freeze it goes on. */
export function setFrozen(freezer: Freezer, frozen: boolean): void {
  for (const deadline = Date.now() + PATIENCE_MS; ; Bun.sleepSync(STEP_MS)) {
    // v1 may fall back from FREEZING when a process is being made: it is asked again
    put(freezer.path, frozen ? freezer.on : freezer.off);
    if (hasReached(freezer, frozen)) return;
    if (Date.now() < deadline) continue;
    if (frozen) put(freezer.path, freezer.off);
    throw new HoyError(`${freezer.path} does not answer`, {
      hint: "a process of the container may hang in the kernel: see its state with ps",
    });
  }
}
